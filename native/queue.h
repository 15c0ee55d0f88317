#pragma once
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "launch.h"

namespace selfsame {

using Program = std::vector<Command>;

/**
 * One thread that carries out launches in order, with the OpenMP threads it leads. Every function is called by
 * JavaScript's thread and returns at once; what is handed in as a function is called by the queue's thread.
 */
class Queue {
 public:
  /** Told what failed since it was last told: the op and the reason, or an empty string. */
  using Copied = std::function<void(const std::string& failure)>;

  /** `threads`: how many a launch may use. */
  explicit Queue(int threads);
  ~Queue();

  /** Hands over launches. A program that is handed over again costs nothing but this call. */
  void submit(std::shared_ptr<const Program> program);
  /** Copies into memory after the launches so far; `from` is copied before this returns. */
  void write(std::shared_ptr<Memory> to, size_t offset, const std::byte* from, size_t bytes);
  /** Copies out of memory after the launches so far, then calls `copied`. `to` must stay until then. */
  void read(std::shared_ptr<Memory> from, size_t offset, std::byte* to, size_t bytes, Copied copied);
  /** Calls `settled` once at most `inFlight` submissions and reads are not yet done: now, or on the queue's thread. */
  void settle(uint64_t inFlight, std::function<void()> settled);
  /** Whether everything that was handed over is done. */
  bool idle();
  /** From now on every launch is timed. @throws Error unless the queue is idle */
  void beginTrace();
  /** When each launch since beginTrace began and ended, in turn, in nanoseconds. @throws Error unless it is idle */
  std::vector<double> endTrace();
  /** Bytes of working memory. */
  size_t scratchBytes() const { return scratch_.size(); }
  /** Ends the thread after the launch it is at; drops the rest. */
  void stop();

 private:
  struct Item {
    std::function<void()> run;
    /** Counts for `settle`. */
    bool submission;
  };
  struct Waiter {
    uint64_t done;
    std::function<void()> settled;
  };

  void push(Item item);
  void work(int threads);
  void run(const Program& program);
  void mustBeIdle(const char* call) const;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Item> items_;
  std::vector<Waiter> waiters_;
  uint64_t submitted_ = 0;
  uint64_t done_ = 0;
  bool running_ = false;
  std::atomic<bool> stopping_{false};
  // Of the queue's thread alone.
  Scratch scratch_;
  std::string failure_;
  // Of the queue's thread while it runs something, of JavaScript's while it is idle.
  std::optional<std::vector<double>> trace_;
  std::thread thread_;
};

}  // namespace selfsame
