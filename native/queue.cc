#include "queue.h"

#include <omp.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <set>
#include <utility>

#include "error.h"

namespace selfsame {
namespace {

/**
 * Queues that still have a thread. When the process exits they are stopped before the libraries they use are taken
 * down: handlers run in the opposite order of their registration, and oneDNN registered its own when it was loaded.
 */
std::set<Queue*>& running() {
  static auto* queues = [] {
    std::atexit([] {
      const std::set<Queue*> rest = running();
      for (Queue* queue : rest) queue->stop();
    });
    return new std::set<Queue*>();
  }();
  return *queues;
}

std::mutex runningMutex;

double nanoseconds() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<double>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

}  // namespace

Queue::Queue(int threads) : thread_([this, threads] { work(threads); }) {
  const std::lock_guard lock(runningMutex);
  running().insert(this);
}

Queue::~Queue() { stop(); }

void Queue::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  items_.clear();
  const std::lock_guard lock(runningMutex);
  running().erase(this);
}

void Queue::submit(std::shared_ptr<const Program> program) {
  push({[this, program = std::move(program)] { run(*program); }, true});
}

void Queue::write(std::shared_ptr<Memory> to, size_t offset, const std::byte* from, size_t bytes) {
  {
    // Nothing is under way: no copy in between. The lock keeps it so.
    const std::lock_guard lock(mutex_);
    if (items_.empty() && !running_) {
      std::memcpy(to->data + offset, from, bytes);
      return;
    }
  }
  auto copy = std::make_shared<std::vector<std::byte>>(from, from + bytes);
  push({[to = std::move(to), offset, copy = std::move(copy)] {
          std::memcpy(to->data + offset, copy->data(), copy->size());
        },
        false});
}

void Queue::read(std::shared_ptr<Memory> from, size_t offset, std::byte* to, size_t bytes, Copied copied) {
  push({[this, from = std::move(from), offset, to, bytes, copied = std::move(copied)] {
          std::memcpy(to, from->data + offset, bytes);
          copied(failure_);
          failure_.clear();
        },
        true});
}

void Queue::settle(uint64_t inFlight, std::function<void()> settled) {
  {
    const std::lock_guard lock(mutex_);
    const uint64_t done = submitted_ > inFlight ? submitted_ - inFlight : 0;
    if (done > done_) {
      waiters_.push_back({done, std::move(settled)});
      return;
    }
  }
  settled();
}

bool Queue::idle() {
  const std::lock_guard lock(mutex_);
  return items_.empty() && !running_;
}

void Queue::beginTrace() {
  const std::lock_guard lock(mutex_);
  mustBeIdle("beginTrace");
  trace_.emplace();
}

std::vector<double> Queue::endTrace() {
  const std::lock_guard lock(mutex_);
  mustBeIdle("endTrace");
  if (!trace_) throw Error("endTrace: none was begun");
  return std::exchange(trace_, std::nullopt).value();
}

void Queue::mustBeIdle(const char* call) const {
  if (running_ || !items_.empty()) throw Error(std::string(call) + ": the queue is not idle");
}

void Queue::push(Item item) {
  {
    const std::lock_guard lock(mutex_);
    if (item.submission) submitted_++;
    items_.push_back(std::move(item));
  }
  wake_.notify_one();
}

void Queue::work(int threads) {
  // A setting of this thread alone: other users of OpenMP in the process keep theirs.
  omp_set_num_threads(threads);
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !items_.empty(); });
    if (stopping_) return;
    Item item = std::move(items_.front());
    items_.pop_front();
    running_ = true;
    lock.unlock();
    item.run();
    // Lets go of memory before anyone is told that this is done.
    item.run = nullptr;
    lock.lock();
    running_ = false;
    if (!item.submission) continue;
    done_++;
    for (size_t i = 0; i < waiters_.size();) {
      if (waiters_[i].done > done_) {
        i++;
        continue;
      }
      const auto settled = std::move(waiters_[i].settled);
      waiters_.erase(waiters_.begin() + static_cast<std::ptrdiff_t>(i));
      settled();
    }
  }
}

void Queue::run(const Program& program) {
  for (const Command& command : program) {
    if (stopping_) return;
    if (trace_) trace_->push_back(nanoseconds());
    try {
      command.run(scratch_);
    } catch (const std::exception& error) {
      // The first failure is the one to know: those after it may be its consequences.
      if (failure_.empty()) failure_ = command.op + ": " + error.what();
    }
    try {
      scratch_.reset();
    } catch (const std::exception& error) {
      if (failure_.empty()) failure_ = command.op + ": " + error.what();
    }
    if (trace_) trace_->push_back(nanoseconds());
  }
}

}  // namespace selfsame
