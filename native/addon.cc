#include <napi.h>

#include "boundary.h"
#include "launch.h"
#include "native_queue.h"
#include "onednn.h"

namespace selfsame {
namespace {

/** setError(class): what the addon throws. */
void setError(const Napi::CallbackInfo& info) {
  if (!info[0].IsFunction()) throw Napi::TypeError::New(info.Env(), "setError: wants a class");
  info.Env().GetInstanceData<Environment>()->error = Napi::Persistent(info[0].As<Napi::Function>());
}

/** describe(): what the device's `info` is made of. */
Napi::Value describe(const Napi::CallbackInfo& info) {
  const auto env = info.Env();
  auto result = Napi::Object::New(env);
  result["onednn"] = onednn::version();
  result["avx512"] = onednn::hasAvx512();
  result["bfloat16"] = onednn::hasBfloat16();
  const auto names = opNames();
  auto ops = Napi::Array::New(env, names.size());
  for (uint32_t i = 0; i < names.size(); i++) ops[i] = names[i];
  result["ops"] = ops;
  return result;
}

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  auto* environment = new Environment();
  env.SetInstanceData(environment);
  exports["Queue"] = NativeQueue::define(env);
  exports["setError"] = Napi::Function::New(env, setError);
  exports["describe"] = Napi::Function::New(env, describe);
  return exports;
}

}  // namespace

NODE_API_MODULE(selfsame, initialise)

}  // namespace selfsame
