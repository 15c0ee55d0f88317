#include "native_queue.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "boundary.h"
#include "read.h"

namespace selfsame {
namespace {

constexpr double kMostBytes = 1099511627776.0;  // 1 TiB, far beyond any machine and far from overflowing

// Eager launches are handed over when the queue has nothing to do, and otherwise in batches: to wake a thread takes
// longer than to read a launch.
constexpr size_t kBatch = 64;

}  // namespace

Napi::Function NativeQueue::define(Napi::Env env) {
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
                         InstanceMethod<&NativeQueue::beginTrace>("beginTrace"),
                         InstanceMethod<&NativeQueue::endTrace>("endTrace"),
                         InstanceMethod<&NativeQueue::scratchBytes>("scratchBytes"),
                         InstanceMethod<&NativeQueue::close>("close"),
                     });
}

NativeQueue::NativeQueue(const Napi::CallbackInfo& info) : Napi::ObjectWrap<NativeQueue>(info) {
  guarded(info.Env(), [&] {
    const auto threads = wholeArgument(info, 0, "threads", 1, 4096);
    settings_.winograd = info[1].ToBoolean();
    promises_ = std::make_unique<Promises>(info.Env(), *this);
    queue_ = std::make_unique<Queue>(static_cast<int>(threads));
  });
}

Napi::Value NativeQueue::allocate(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    mustBeOpen();
    return Napi::Number::New(info.Env(), memories_.add(wholeArgument(info, 0, "bytes", 1, kMostBytes)));
  });
}

void NativeQueue::letGo(const Napi::CallbackInfo& info) {
  guarded(info.Env(), [&] { memories_.remove(static_cast<uint32_t>(wholeArgument(info, 0, "id", 0, UINT32_MAX))); });
}

void NativeQueue::write(const Napi::CallbackInfo& info) {
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

Napi::Value NativeQueue::read(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    mustBeOpen();
    const auto env = info.Env();
    const auto memory = memoryOf(info, 0);
    const auto offset = wholeArgument(info, 1, "offset", 0, kMostBytes);
    const auto bytes = wholeArgument(info, 2, "bytes", 1, kMostBytes);
    if (offset + bytes > memory->bytes) throw Error("read: reaches beyond the memory");
    auto out = Napi::ArrayBuffer::New(env, bytes);
    auto* to = static_cast<std::byte*>(out.Data());
    flush();
    auto* promise = promises_->open(env, Napi::Persistent(out));
    const auto result = promise->deferred.Promise();
    queue_->read(memory, offset, to, bytes, [this, promise](const std::string& failure) {
      promise->failure = failure;
      promises_->settle(promise);
    });
    return result;
  });
}

void NativeQueue::launch(const Napi::CallbackInfo& info) {
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

void NativeQueue::beginProgram(const Napi::CallbackInfo& info) {
  guarded(info.Env(), [&] {
    mustBeOpen();
    flush();
    recording_ = std::make_shared<Program>();
  });
}

Napi::Value NativeQueue::endProgram(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    mustBeOpen();
    if (!recording_) throw Error("endProgram: none was begun");
    programs_[nextProgram_] = std::move(recording_);
    recording_.reset();
    return Napi::Number::New(info.Env(), nextProgram_++);
  });
}

void NativeQueue::replay(const Napi::CallbackInfo& info) {
  guarded(info.Env(), [&] {
    mustBeOpen();
    const auto found = programs_.find(static_cast<uint32_t>(wholeArgument(info, 0, "program", 1, UINT32_MAX)));
    if (found == programs_.end()) throw Error("replay: no such program");
    flush();
    queue_->submit(found->second);
  });
}

void NativeQueue::release(const Napi::CallbackInfo& info) {
  guarded(info.Env(),
          [&] { programs_.erase(static_cast<uint32_t>(wholeArgument(info, 0, "program", 1, UINT32_MAX))); });
}

Napi::Value NativeQueue::settle(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    mustBeOpen();
    const auto inFlight = wholeArgument(info, 0, "inFlight", 0, UINT32_MAX);
    flush();
    auto* promise = promises_->open(info.Env());
    const auto result = promise->deferred.Promise();
    queue_->settle(inFlight, [this, promise] { promises_->settle(promise); });
    return result;
  });
}

void NativeQueue::beginTrace(const Napi::CallbackInfo& info) {
  guarded(info.Env(), [&] {
    mustBeOpen();
    flush();
    queue_->beginTrace();
  });
}

Napi::Value NativeQueue::endTrace(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    mustBeOpen();
    const auto times = queue_->endTrace();
    auto result = Napi::Float64Array::New(info.Env(), times.size());
    std::copy(times.begin(), times.end(), result.Data());
    return result;
  });
}

Napi::Value NativeQueue::scratchBytes(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), queue_ ? static_cast<double>(queue_->scratchBytes()) : 0.0);
}

void NativeQueue::mustBeOpen() const {
  if (!queue_) throw Error("the device was closed");
}

void NativeQueue::flush() {
  if (pending_.empty()) return;
  auto program = std::make_shared<Program>(std::move(pending_));
  pending_.clear();
  queue_->submit(std::move(program));
}

void NativeQueue::shut() {
  if (!queue_) return;
  queue_.reset();
  programs_.clear();
  pending_.clear();
  recording_.reset();
  promises_->release();
}

std::shared_ptr<Memory> NativeQueue::memoryOf(const Napi::CallbackInfo& info, size_t at) const {
  auto memory = memories_.find(static_cast<uint32_t>(wholeArgument(info, at, "id", 0, UINT32_MAX)));
  if (!memory) throw Error("no memory of this device");
  return memory;
}

}  // namespace selfsame
