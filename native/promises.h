#pragma once
#include <napi.h>

#include <cstdint>
#include <string>

namespace selfsame {

/** A promise of JavaScript's, on its way through the queue. */
struct Pending {
  Napi::Promise::Deferred deferred;
  /** What it resolves to; nothing where only the moment counts. */
  Napi::Reference<Napi::ArrayBuffer> result;
  /** Why it is rejected instead. */
  std::string failure;
};

/**
 * Promises that another thread settles. Of JavaScript's thread, but for `settle`. While a promise is open, neither the
 * process nor the object that they belong to ends.
 */
class Promises {
 public:
  Promises(Napi::Env env, Napi::Reference<Napi::Object>& owner);

  /** A new promise, to be settled by `settle`. */
  Pending* open(Napi::Env env, Napi::Reference<Napi::ArrayBuffer> result = {});
  /** Called by any thread, once for each promise. */
  void settle(Pending* promise);
  /** No promise keeps the process from ending any more, and none is opened. */
  void release();

 private:
  Napi::Reference<Napi::Object>& owner_;
  // Runs what another thread hands over on JavaScript's; holds the process only while someone waits.
  Napi::ThreadSafeFunction deliver_;
  uint64_t waiting_ = 0;
  bool released_ = false;
};

}  // namespace selfsame
