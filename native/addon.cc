#include <napi.h>

#include <cstring>
#include <map>

#include "error.h"
#include "onednn.h"
#include "queue.h"
#include "read.h"

namespace selfsame {
namespace {

/** What one environment (the process's main thread, or a worker) holds of the addon. */
struct Environment {
  Napi::FunctionReference queue;
  Napi::FunctionReference error;
};

/** Runs `body`; what it throws reaches JavaScript as the class that `setError` was given. */
template <class Body>
auto guarded(Napi::Env env, const Body& body) {
  try {
    return body();
  } catch (const Napi::Error&) {
    throw;
  } catch (const std::exception& error) {
    const auto* environment = env.GetInstanceData<Environment>();
    if (environment->error.IsEmpty()) throw Napi::Error::New(env, error.what());
    throw Napi::Error(env, environment->error.New({Napi::String::New(env, error.what())}));
  }
}

/** A number in [least, most] that is whole. */
uint64_t wholeArgument(const Napi::CallbackInfo& info, size_t at, const char* name, double least, double most) {
  const double value = info[at].IsNumber() ? info[at].As<Napi::Number>().DoubleValue() : -1;
  if (!(value >= least && value <= most && value == static_cast<double>(static_cast<uint64_t>(value)))) {
    throw Error(std::string("wants a whole number for ") + name);
  }
  return static_cast<uint64_t>(value);
}

constexpr double kMostBytes = 1099511627776.0;  // 1 TiB, far beyond any machine and far from overflowing

// Eager launches are handed over when the queue has nothing to do, and otherwise in batches: to wake a thread takes
// longer than to read a launch.
constexpr size_t kBatch = 64;

/** Queue, memory and programs of one device, for `src/device/cpu/device.ts`. */
class NativeQueue : public Napi::ObjectWrap<NativeQueue> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Queue",
                       {
                           InstanceMethod<&NativeQueue::allocate>("allocate"),
                           InstanceMethod<&NativeQueue::letGo>("letGo"),
                           InstanceMethod<&NativeQueue::write>("write"),
                           InstanceMethod<&NativeQueue::read>("read"),
                           InstanceMethod<&NativeQueue::launch>("launch"),
                           InstanceMethod<&NativeQueue::beginProgram>("beginProgram"),
                           InstanceMethod<&NativeQueue::endProgram>("endProgram"),
                           InstanceMethod<&NativeQueue::replay>("replay"),
                           InstanceMethod<&NativeQueue::release>("release"),
                           InstanceMethod<&NativeQueue::settle>("settle"),
                           InstanceMethod<&NativeQueue::scratchBytes>("scratchBytes"),
                           InstanceMethod<&NativeQueue::close>("close"),
                       });
  }

  /** new Queue(threads, winograd) */
  explicit NativeQueue(const Napi::CallbackInfo& info) : Napi::ObjectWrap<NativeQueue>(info) {
    guarded(info.Env(), [&] {
      const auto threads = wholeArgument(info, 0, "threads", 1, 4096);
      settings_.winograd = info[1].ToBoolean();
      // Runs what the queue's thread hands over on JavaScript's thread; holds the process only while someone waits.
      deliver_ = Napi::ThreadSafeFunction::New(info.Env(), Napi::Function(), "selfsame", 0, 1);
      deliver_.Unref(info.Env());
      queue_ = std::make_unique<Queue>(static_cast<int>(threads));
    });
  }

  void Finalize(Napi::Env) override { shut(); }

 private:
  Napi::Value allocate(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      mustBeOpen();
      return Napi::Number::New(info.Env(), memories_.add(wholeArgument(info, 0, "bytes", 1, kMostBytes)));
    });
  }

  void letGo(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] { memories_.remove(static_cast<uint32_t>(wholeArgument(info, 0, "id", 0, UINT32_MAX))); });
  }

  /** write(id, offset, view): also sets the bytes up to the next multiple of 4 to zero. */
  void write(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      mustBeOpen();
      const auto memory = memoryOf(info, 0);
      const auto offset = wholeArgument(info, 1, "offset", 0, kMostBytes);
      const auto [from, bytes] = viewOf(info[2]);
      const size_t padded = (bytes + 3) / 4 * 4;
      if (offset + padded > memory->bytes) throw Error("write: reaches beyond the memory");
      flush();
      if (padded == bytes) queue_->write(memory, offset, from, bytes);
      else {
        std::vector<std::byte> copy(padded);
        std::memcpy(copy.data(), from, bytes);
        queue_->write(memory, offset, copy.data(), padded);
      }
    });
  }

  /** read(id, offset, bytes): a promise of an ArrayBuffer. */
  Napi::Value read(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      mustBeOpen();
      const auto env = info.Env();
      const auto memory = memoryOf(info, 0);
      const auto offset = wholeArgument(info, 1, "offset", 0, kMostBytes);
      const auto bytes = wholeArgument(info, 2, "bytes", 1, kMostBytes);
      if (offset + bytes > memory->bytes) throw Error("read: reaches beyond the memory");
      auto out = Napi::ArrayBuffer::New(env, bytes);
      auto* to = static_cast<std::byte*>(out.Data());
      auto* promise = new Pending{Napi::Promise::Deferred::New(env), Napi::Persistent(out), {}};
      flush();
      wait(env);
      queue_->read(memory, offset, to, bytes, [this, promise](const std::string& failure) {
        promise->failure = failure;
        tell(promise);
      });
      return promise->deferred.Promise();
    });
  }

  void launch(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      mustBeOpen();
      Command command = selfsame::read(info[0], memories_, settings_);
      // Reading a field may have run JavaScript that closed the device.
      mustBeOpen();
      if (recording_) {
        recording_->push_back(std::move(command));
        return;
      }
      pending_.push_back(std::move(command));
      if (pending_.size() >= kBatch || queue_->idle()) flush();
    });
  }

  void beginProgram(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      mustBeOpen();
      flush();
      recording_ = std::make_shared<Program>();
    });
  }

  /** endProgram(): the program's number. */
  Napi::Value endProgram(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      mustBeOpen();
      if (!recording_) throw Error("endProgram: none was begun");
      programs_[nextProgram_] = std::move(recording_);
      recording_.reset();
      return Napi::Number::New(info.Env(), nextProgram_++);
    });
  }

  void replay(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      mustBeOpen();
      const auto found = programs_.find(static_cast<uint32_t>(wholeArgument(info, 0, "program", 1, UINT32_MAX)));
      if (found == programs_.end()) throw Error("replay: no such program");
      flush();
      queue_->submit(found->second);
    });
  }

  void release(const Napi::CallbackInfo& info) {
    guarded(info.Env(),
            [&] { programs_.erase(static_cast<uint32_t>(wholeArgument(info, 0, "program", 1, UINT32_MAX))); });
  }

  /** settle(inFlight): a promise. */
  Napi::Value settle(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      mustBeOpen();
      const auto env = info.Env();
      const auto inFlight = wholeArgument(info, 0, "inFlight", 0, UINT32_MAX);
      auto* promise = new Pending{Napi::Promise::Deferred::New(env), {}, {}};
      const auto result = promise->deferred.Promise();
      flush();
      wait(env);
      queue_->settle(inFlight, [this, promise] { tell(promise); });
      return result;
    });
  }

  Napi::Value scratchBytes(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), queue_ ? static_cast<double>(queue_->scratchBytes()) : 0.0);
  }

  void close(const Napi::CallbackInfo&) { shut(); }

  struct Pending {
    Napi::Promise::Deferred deferred;
    /** What a read resolves to; nothing for `settle`. */
    Napi::Reference<Napi::ArrayBuffer> result;
    std::string failure;
  };

  void mustBeOpen() const {
    if (!queue_) throw Error("the device was closed");
  }

  void flush() {
    if (pending_.empty()) return;
    auto program = std::make_shared<Program>(std::move(pending_));
    pending_.clear();
    queue_->submit(std::move(program));
  }

  void shut() {
    if (!queue_) return;
    queue_.reset();
    programs_.clear();
    pending_.clear();
    recording_.reset();
    deliver_.Release();
  }

  /** Someone waits: neither the process nor this object may end before it is told. */
  void wait(Napi::Env env) {
    if (waiting_++ > 0) return;
    deliver_.Ref(env);
    Ref();
  }

  /** Called by the queue's thread: settles a promise on JavaScript's. */
  void tell(Pending* promise) {
    deliver_.NonBlockingCall(promise, [this](Napi::Env env, Napi::Function, Pending* arrived) {
      const std::unique_ptr<Pending> owned(arrived);
      const Napi::HandleScope scope(env);
      if (--waiting_ == 0) {
        if (queue_) deliver_.Unref(env);
        Unref();
      }
      if (owned->result.IsEmpty()) owned->deferred.Resolve(env.Undefined());
      else if (owned->failure.empty()) owned->deferred.Resolve(owned->result.Value());
      else {
        const auto* environment = env.GetInstanceData<Environment>();
        owned->deferred.Reject(environment->error.New({Napi::String::New(env, owned->failure)}));
      }
    });
  }

  std::shared_ptr<Memory> memoryOf(const Napi::CallbackInfo& info, size_t at) const {
    auto memory = memories_.find(static_cast<uint32_t>(wholeArgument(info, at, "id", 0, UINT32_MAX)));
    if (!memory) throw Error("no memory of this device");
    return memory;
  }

  static std::pair<const std::byte*, size_t> viewOf(const Napi::Value& value) {
    if (value.IsTypedArray()) {
      const auto view = value.As<Napi::TypedArray>();
      return {static_cast<const std::byte*>(view.ArrayBuffer().Data()) + view.ByteOffset(), view.ByteLength()};
    }
    if (value.IsDataView()) {
      const auto view = value.As<Napi::DataView>();
      return {static_cast<const std::byte*>(view.Data()), view.ByteLength()};
    }
    throw Error("write: wants a typed array or a DataView");
  }

  std::unique_ptr<Queue> queue_;
  Settings settings_;
  Memories memories_;
  std::map<uint32_t, std::shared_ptr<Program>> programs_;
  uint32_t nextProgram_ = 1;
  Program pending_;
  std::shared_ptr<Program> recording_;
  Napi::ThreadSafeFunction deliver_;
  uint64_t waiting_ = 0;
};

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
