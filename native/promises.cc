#include "promises.h"

#include <memory>
#include <utility>

#include "boundary.h"

namespace selfsame {

Promises::Promises(Napi::Env env, Napi::Reference<Napi::Object>& owner)
    : owner_(owner), deliver_(Napi::ThreadSafeFunction::New(env, Napi::Function(), "selfsame", 0, 1)) {
  deliver_.Unref(env);
}

Pending* Promises::open(Napi::Env env, Napi::Reference<Napi::ArrayBuffer> result) {
  if (waiting_++ == 0) {
    deliver_.Ref(env);
    owner_.Ref();
  }
  return new Pending{Napi::Promise::Deferred::New(env), std::move(result), {}};
}

void Promises::settle(Pending* promise) {
  deliver_.NonBlockingCall(promise, [this](Napi::Env env, Napi::Function, Pending* arrived) {
    const std::unique_ptr<Pending> owned(arrived);
    const Napi::HandleScope scope(env);
    if (--waiting_ == 0) {
      if (!released_) deliver_.Unref(env);
      owner_.Unref();
    }
    if (!owned->failure.empty()) owned->deferred.Reject(errorOf(env, owned->failure).Value());
    else if (owned->result.IsEmpty()) owned->deferred.Resolve(env.Undefined());
    else owned->deferred.Resolve(owned->result.Value());
  });
}

void Promises::release() {
  released_ = true;
  deliver_.Release();
}

}  // namespace selfsame
