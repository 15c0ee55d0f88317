#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

namespace selfsame {

/** Bytes at a multiple of 64, so that a vector load never crosses a cache line. */
class Memory {
 public:
  /** @throws Error when the system has no room. */
  explicit Memory(size_t bytes);
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  std::byte* const data;
  const size_t bytes;
};

/**
 * The memory that JavaScript holds, by number. A launch shares in the memory of its operands, so that letting go of a
 * number never takes memory from under the queue.
 */
class Memories {
 public:
  uint32_t add(size_t bytes);
  /** Nothing for a number that is not, or no longer, in use. */
  std::shared_ptr<Memory> find(uint32_t id) const;
  void remove(uint32_t id);

 private:
  std::unordered_map<uint32_t, std::shared_ptr<Memory>> memories_;
};

/** Working memory of the queue's thread: a launch takes what it needs, and all of it is free again afterwards. */
class Scratch {
 public:
  template <class T>
  T* take(int64_t count) {
    return reinterpret_cast<T*>(bytes(sizeof(T) * static_cast<size_t>(count)));
  }
  /** Ends a launch. What the largest launch so far took in pieces is one piece from then on. */
  void reset();
  /** What it holds now; asked by other threads. */
  size_t size() const { return size_; }

 private:
  std::byte* bytes(size_t count);

  std::vector<std::unique_ptr<Memory>> blocks_;
  size_t used_ = 0;
  std::atomic<size_t> size_{0};
};

}  // namespace selfsame
