#pragma once
#include <napi.h>

#include <map>
#include <memory>

#include "promises.h"
#include "queue.h"

namespace selfsame {

/** Queue, memory and programs of one device: the class `Queue` of `src/device/cpu/load.ts`. */
class NativeQueue : public Napi::ObjectWrap<NativeQueue> {
 public:
  static Napi::Function define(Napi::Env env);

  /** new Queue(threads, winograd) */
  explicit NativeQueue(const Napi::CallbackInfo& info);

  void Finalize(Napi::Env) override { shut(); }

 private:
  Napi::Value allocate(const Napi::CallbackInfo& info);
  void letGo(const Napi::CallbackInfo& info);
  /** write(id, offset, view): also sets the bytes up to the next multiple of 4 to zero. */
  void write(const Napi::CallbackInfo& info);
  /** read(id, offset, bytes): a promise of an ArrayBuffer. */
  Napi::Value read(const Napi::CallbackInfo& info);
  void launch(const Napi::CallbackInfo& info);
  void beginProgram(const Napi::CallbackInfo& info);
  /** endProgram(): the program's number. */
  Napi::Value endProgram(const Napi::CallbackInfo& info);
  void replay(const Napi::CallbackInfo& info);
  void release(const Napi::CallbackInfo& info);
  /** settle(inFlight): a promise. */
  Napi::Value settle(const Napi::CallbackInfo& info);
  void beginTrace(const Napi::CallbackInfo& info);
  /** endTrace(): a Float64Array, in nanoseconds, when each launch since beginTrace began and ended. */
  Napi::Value endTrace(const Napi::CallbackInfo& info);
  Napi::Value scratchBytes(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo&) { shut(); }

  void mustBeOpen() const;
  /** Hands over the launches that were held back. */
  void flush();
  void shut();
  std::shared_ptr<Memory> memoryOf(const Napi::CallbackInfo& info, size_t at) const;

  std::unique_ptr<Queue> queue_;
  std::unique_ptr<Promises> promises_;
  Settings settings_;
  Memories memories_;
  std::map<uint32_t, std::shared_ptr<Program>> programs_;
  uint32_t nextProgram_ = 1;
  Program pending_;
  std::shared_ptr<Program> recording_;
};

}  // namespace selfsame
