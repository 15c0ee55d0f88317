#include <omp.h>

#include <algorithm>
#include <functional>

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

/** A candidate as one number, the larger the better: by key, and of equal keys the one at the lower index. */
inline int64_t candidateOf(int32_t key, int32_t index) {
  return static_cast<int64_t>(static_cast<uint64_t>(static_cast<uint32_t>(key)) << 32 | (0x7fffffffu - index));
}
inline int32_t keyOf(int64_t candidate) { return static_cast<int32_t>(candidate >> 32); }
inline int32_t indexOf(int64_t candidate) { return 0x7fffffff - static_cast<int32_t>(candidate & 0x7fffffff); }

/** Replaces the worst of a heap of k, which is on top. */
void put(int64_t* heap, int64_t k, int64_t candidate) {
  int64_t slot = 0;
  for (int64_t child = 1; child < k; child = 2 * slot + 1) {
    if (child + 1 < k && heap[child + 1] < heap[child]) child++;
    if (heap[child] >= candidate) break;
    heap[slot] = heap[child];
    slot = child;
  }
  heap[slot] = candidate;
}

/**
 * A row's heaps, one after the other, in memory of this thread: in keys and indices [k, lists] the slots of a heap lie
 * far apart.
 */
struct Heaps {
  int64_t k, splits, lists;

  void load(const int32_t* keys, const int32_t* indices, int64_t row, int64_t* heaps) const {
    for (int64_t slot = 0; slot < k; slot++) {
      for (int64_t split = 0; split < splits; split++) {
        const int64_t at = slot * lists + row * splits + split;
        // What was never written by topKSelect may be any number; a heap of it is no heap, but nothing worse.
        heaps[split * k + slot] = candidateOf(keys[at], indices[at] & 0x7fffffff);
      }
    }
  }

  void store(const int64_t* heaps, int64_t row, int32_t* keys, int32_t* indices) const {
    for (int64_t slot = 0; slot < k; slot++) {
      for (int64_t split = 0; split < splits; split++) {
        const int64_t at = slot * lists + row * splits + split;
        keys[at] = keyOf(heaps[split * k + slot]);
        indices[at] = indexOf(heaps[split * k + slot]);
      }
    }
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
    const Heaps layout{k, splits, rows * splits};
    // Columns side by side belong to the lists in turn, so a block of whole turns has the same bounds every time.
    const int64_t block = tiles(kBlock, splits) * splits;
    auto* allBounds = scratch.take<int32_t>(block * omp_get_max_threads());
    auto* allHeaps = scratch.take<int64_t>(k * splits * omp_get_max_threads());
    parallel(rows, tiles(kGrain, columns), [&](int64_t begin, int64_t end) {
      int32_t* bounds = allBounds + block * omp_get_thread_num();
      int64_t* heaps = allHeaps + k * splits * omp_get_thread_num();
      const auto renew = [&] {
        for (int64_t i = 0, split = 0; i < block; i++, split = split + 1 < splits ? split + 1 : 0) {
          bounds[i] = keyOf(heaps[split * k]);
        }
      };
      for (int64_t row = begin; row < end; row++) {
        if (first > 0) layout.load(keys, indices, row, heaps);
        else std::fill_n(heaps, k * splits, candidateOf(kLeast, kNowhere));
        renew();
        for (int64_t from = 0; from < columns; from += block) {
          const float* part = x + row * columns + from;
          const int64_t size = std::min(block, columns - from);
          if (!anyBetter(part, bounds, size)) continue;
          for (int64_t i = 0, split = 0; i < size; i++, split = split + 1 < splits ? split + 1 : 0) {
            int64_t* heap = heaps + split * k;
            const int32_t key = keyOf(part[i]);
            // Columns come in order, so an equal one loses to what is there.
            if (key > keyOf(heap[0])) put(heap, k, candidateOf(key, static_cast<int32_t>(first + from + i)));
          }
          renew();
        }
        layout.store(heaps, row, keys, indices);
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
    const Heaps layout{k, splits, rows * splits};
    const int64_t candidates = k * splits;
    auto* all = scratch.take<int64_t>(candidates * omp_get_max_threads());
    parallel(rows, tiles(kGrain, 16 * candidates), [&](int64_t begin, int64_t end) {
      int64_t* mine = all + candidates * omp_get_thread_num();
      for (int64_t row = begin; row < end; row++) {
        layout.load(keys, indices, row, mine);
        std::partial_sort(mine, mine + k, mine + candidates, std::greater<int64_t>());
        for (int64_t place = 0; place < k; place++) {
          const int32_t key = keyOf(mine[place]);
          values[row * k + place] = fromBits(key < 0 ? key ^ 0x7fffffff : key);
          out[row * k + place] = indexOf(mine[place]);
        }
      }
    });
  };
});

}  // namespace
}  // namespace selfsame
