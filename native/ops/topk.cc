#include <omp.h>

#include <algorithm>

#include "launch.h"
#include "math.h"
#include "parallel.h"

/** The k largest of every row, by heaps: kernels/top_k_select.wgsl and top_k_rank.wgsl. */
namespace selfsame {
namespace {

constexpr int32_t kLeast = -0x7fffffff;
constexpr int32_t kNowhere = 0x7fffffff;
// Columns that are compared before any is looked at.
constexpr int64_t kBlock = 64;

/** An integer that sorts as the value does, so that infinities need no care; −0 equals 0. */
inline int32_t keyOf(float value) {
  const int32_t bits = value == 0.0f ? 0 : bitsOf(value);
  return bits < 0 ? bits ^ 0x7fffffff : bits;
}

/** Whether any value is better than the bound at its place. */
SELFSAME_CLONES bool anyBetter(const float* x, const int32_t* bounds, int64_t count) {
  int32_t any = 0;
  for (int64_t i = 0; i < count; i++) any |= keyOf(x[i]) > bounds[i] ? 1 : 0;
  return any != 0;
}

/** A list of the k best, its worst on top. Slot s is at [s · lists] from here. */
struct Heap {
  int32_t* keys;
  int32_t* indices;
  int64_t k, lists;

  /** Replaces the worst. */
  void put(int32_t key, int32_t index) const {
    int64_t slot = 0;
    for (int64_t child = 1; child < k; child = 2 * slot + 1) {
      if (child + 1 < k && worse(child + 1, keys[child * lists], indices[child * lists])) child++;
      if (!worse(child, key, index)) break;
      keys[slot * lists] = keys[child * lists];
      indices[slot * lists] = indices[child * lists];
      slot = child;
    }
    keys[slot * lists] = key;
    indices[slot * lists] = index;
  }

 private:
  bool worse(int64_t slot, int32_t key, int32_t index) const {
    const int32_t mine = keys[slot * lists];
    return mine < key || (mine == key && indices[slot * lists] > index);
  }
};

const Op topKSelect("topKSelect", [](Launch& launch) -> Run {
  const int64_t rows = launch.size("rows");
  const int64_t columns = launch.size("columns");
  const int64_t k = launch.size("k");
  const int64_t splits = launch.size("splits");
  const int64_t first = launch.whole("first");
  if (first + columns > INT32_MAX) launch.refuse("wants columns whose indices are int32");
  const auto* x = launch.in<float>("x", {rows, columns});
  auto* keys = launch.out<int32_t>("keys", {k, rows, splits});
  auto* indices = launch.out<int32_t>("indices", {k, rows, splits});
  return [=](Scratch& scratch) {
    const int64_t lists = rows * splits;
    if (first == 0) {
      std::fill_n(keys, k * lists, kLeast);
      std::fill_n(indices, k * lists, kNowhere);
    }
    // Columns side by side belong to the lists in turn, so a block of whole turns has the same bounds every time.
    const int64_t block = tiles(kBlock, splits) * splits;
    auto* memory = scratch.take<int32_t>(block * omp_get_max_threads());
    parallel(rows, tiles(kGrain, columns), [&](int64_t begin, int64_t end) {
      int32_t* bounds = memory + block * omp_get_thread_num();
      for (int64_t row = begin; row < end; row++) {
        const int64_t list = row * splits;
        for (int64_t i = 0; i < block; i++) bounds[i] = keys[list + i % splits];
        for (int64_t from = 0; from < columns; from += block) {
          const float* part = x + row * columns + from;
          const int64_t size = std::min(block, columns - from);
          if (!anyBetter(part, bounds, size)) continue;
          for (int64_t i = 0; i < size; i++) {
            const int64_t at = list + i % splits;
            const int32_t key = keyOf(part[i]);
            // Columns come in order, so an equal one loses to what is there.
            if (key <= keys[at]) continue;
            Heap{keys + at, indices + at, k, lists}.put(key, static_cast<int32_t>(first + from + i));
          }
          for (int64_t i = 0; i < block; i++) bounds[i] = keys[list + i % splits];
        }
      }
    });
  };
});

const Op topKRank("topKRank", [](Launch& launch) -> Run {
  const int64_t rows = launch.size("rows");
  const int64_t k = launch.size("k");
  const int64_t splits = launch.size("splits");
  const auto* keys = launch.in<int32_t>("keys", {k, rows, splits});
  const auto* indices = launch.in<int32_t>("indices", {k, rows, splits});
  auto* values = launch.out<float>("values", {rows, k});
  auto* out = launch.out<int32_t>("out", {rows, k});
  return [=](Scratch& scratch) {
    const int64_t candidates = k * splits;
    auto* memory = scratch.take<int64_t>(candidates * omp_get_max_threads());
    parallel(rows, tiles(kGrain, 16 * candidates), [&](int64_t begin, int64_t end) {
      int64_t* order = memory + candidates * omp_get_thread_num();
      for (int64_t row = begin; row < end; row++) {
        for (int64_t i = 0; i < candidates; i++) order[i] = (i / splits * rows + row) * splits + i % splits;
        std::partial_sort(order, order + k, order + candidates, [&](int64_t a, int64_t b) {
          return keys[a] > keys[b] || (keys[a] == keys[b] && indices[a] < indices[b]);
        });
        for (int64_t place = 0; place < k; place++) {
          const int32_t key = keys[order[place]];
          values[row * k + place] = fromBits(key < 0 ? key ^ 0x7fffffff : key);
          out[row * k + place] = indices[order[place]];
        }
      }
    });
  };
});

}  // namespace
}  // namespace selfsame
