#include "memory.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#ifdef __linux__
#include <sys/mman.h>
#endif

#include "error.h"

namespace selfsame {
namespace {

constexpr size_t kLine = 64;
constexpr size_t kHugePage = size_t{2} << 20;

size_t roundUp(size_t bytes, size_t step) { return (bytes + step - 1) / step * step; }

std::byte* allocate(size_t bytes) {
  // Large memory on large pages: a layer's activations are thousands of small ones, each a miss of the page cache.
  const size_t alignment = bytes >= 2 * kHugePage ? kHugePage : kLine;
  const size_t whole = roundUp(std::max<size_t>(bytes, 1), alignment);
#ifdef _WIN32
  void* data = _aligned_malloc(whole, alignment);
#else
  void* data = std::aligned_alloc(alignment, whole);
#endif
  if (!data) throw Error("the system has no room for " + std::to_string(bytes) + " bytes");
#ifdef __linux__
  if (alignment == kHugePage) madvise(data, whole, MADV_HUGEPAGE);
#endif
  return static_cast<std::byte*>(data);
}

}  // namespace

Memory::Memory(size_t bytes) : data(allocate(bytes)), bytes(bytes) {}

Memory::~Memory() {
#ifdef _WIN32
  _aligned_free(data);
#else
  std::free(data);
#endif
}

uint32_t Memories::add(size_t bytes) {
  // Across all devices, so that none takes another's memory for its own.
  static std::atomic<uint32_t> next{1};
  const uint32_t id = next++;
  memories_[id] = std::make_shared<Memory>(bytes);
  return id;
}

std::shared_ptr<Memory> Memories::find(uint32_t id) const {
  const auto found = memories_.find(id);
  return found == memories_.end() ? nullptr : found->second;
}

void Memories::remove(uint32_t id) { memories_.erase(id); }

std::byte* Scratch::bytes(size_t count) {
  const size_t whole = roundUp(std::max<size_t>(count, 1), kLine);
  if (blocks_.empty() || used_ + whole > blocks_.back()->bytes) {
    blocks_.push_back(std::make_unique<Memory>(whole));
    size_ += whole;
    used_ = 0;
  }
  std::byte* data = blocks_.back()->data + used_;
  used_ += whole;
  return data;
}

void Scratch::reset() {
  used_ = 0;
  if (blocks_.size() < 2) return;
  const size_t total = size_;
  blocks_.clear();
  size_ = 0;
  blocks_.push_back(std::make_unique<Memory>(total));
  size_ = total;
}

}  // namespace selfsame
