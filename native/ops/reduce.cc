#include <algorithm>
#include <cmath>
#include <string>

#include "launch.h"
#include "parallel.h"

/**
 * Reductions along the middle axis of [outer, length, inner]. The axis is cut into chunks whose size depends on the
 * shape alone, and the partial results are combined in order: the same bits for any number of threads.
 */
namespace selfsame {
namespace {

// Lanes of a sum over neighbours, whatever the vector width of the machine.
constexpr int kLanes = 16;
// A serial chain of at most this many keeps the rounding of a float32 sum near that of a tree.
constexpr int64_t kChain = 256;
// Columns that are reduced side by side.
constexpr int64_t kColumns = 256;

struct Sum {
  static constexpr float kNone = 0.0f;
  static float of(float total, float value) { return total + value; }
};
struct Max {
  static constexpr float kNone = -INFINITY;
  static float of(float total, float value) { return value > total ? value : total; }
};
struct Min {
  static constexpr float kNone = INFINITY;
  static float of(float total, float value) { return value < total ? value : total; }
};

/** ⊕ over `length` neighbours. */
template <class Combine>
SELFSAME_CLONES float alongRow(const float* x, int64_t length) {
  float lanes[kLanes];
  for (float& lane : lanes) lane = Combine::kNone;
  int64_t i = 0;
  for (; i + kLanes <= length; i += kLanes) {
    for (int lane = 0; lane < kLanes; lane++) lanes[lane] = Combine::of(lanes[lane], x[i + lane]);
  }
  for (int lane = 0; i + lane < length; lane++) lanes[lane] = Combine::of(lanes[lane], x[i + lane]);
  for (int width = kLanes / 2; width > 0; width /= 2) {
    for (int lane = 0; lane < width; lane++) lanes[lane] = Combine::of(lanes[lane], lanes[lane + width]);
  }
  return lanes[0];
}

/** out[i] = ⊕ over r of x[r, i], rows `stride` apart. */
template <class Combine>
SELFSAME_CLONES void alongColumns(const float* x, int64_t length, int64_t stride, int64_t columns, float* out) {
  for (int64_t i = 0; i < columns; i++) out[i] = Combine::kNone;
  for (int64_t r = 0; r < length; r++) {
    for (int64_t i = 0; i < columns; i++) out[i] = Combine::of(out[i], x[r * stride + i]);
  }
}

template <class Combine>
void reduce(const float* x, float* out, int64_t outer, int64_t length, int64_t inner, Scratch& scratch) {
  const int64_t chunk = inner == 1 ? kChain * kLanes : kChain;
  const int64_t chunks = tiles(length, chunk);
  const int64_t blocks = tiles(inner, kColumns);
  float* partial = chunks == 1 ? out : scratch.take<float>(outer * chunks * inner);
  const int64_t work = std::min(chunk, length) * std::min(inner, kColumns);
  parallel(outer * chunks * blocks, tiles(kGrain, work), [&](int64_t begin, int64_t end) {
    for (int64_t item = begin; item < end; item++) {
      const int64_t column = item % blocks * kColumns;
      const int64_t row = item / blocks % chunks * chunk;
      const int64_t o = item / blocks / chunks;
      const float* from = x + (o * length + row) * inner + column;
      float* to = partial + item / blocks * inner + column;
      const int64_t rows = std::min(chunk, length - row);
      if (inner == 1) *to = alongRow<Combine>(from, rows);
      else alongColumns<Combine>(from, rows, inner, std::min(kColumns, inner - column), to);
    }
  });
  if (chunks > 1) reduce<Combine>(partial, out, outer, chunks, inner, scratch);
}

const Op reduceOp("reduce", [](Launch& launch) -> Run {
  const int64_t outer = launch.size("outer");
  const int64_t length = launch.size("length");
  const int64_t inner = launch.size("inner");
  const std::string combine = launch.text("combine");
  const auto* x = launch.in<float>("x", {outer, length, inner});
  auto* out = launch.out<float>("out", {outer, inner});
  const auto run = combine == "sum"   ? reduce<Sum>
                   : combine == "max" ? reduce<Max>
                   : combine == "min" ? reduce<Min>
                                      : nullptr;
  if (!run) launch.refuse("wants combine to be sum, max or min, got " + combine);
  return [=](Scratch& scratch) { run(x, out, outer, length, inner, scratch); };
});

/** best[i] = the largest of x[r, i] over r, index[i] = the first r where it is. */
SELFSAME_CLONES void firstOfLargest(const float* x, int64_t length, int64_t stride, int64_t columns, float* best,
                                    int32_t* index) {
  for (int64_t i = 0; i < columns; i++) {
    best[i] = x[i];
    index[i] = 0;
  }
  for (int64_t r = 1; r < length; r++) {
    for (int64_t i = 0; i < columns; i++) {
      const float value = x[r * stride + i];
      const bool larger = value > best[i];
      best[i] = larger ? value : best[i];
      index[i] = larger ? static_cast<int32_t>(r) : index[i];
    }
  }
}

const Op argmax("argmax", [](Launch& launch) -> Run {
  const int64_t outer = launch.size("outer");
  const int64_t length = launch.size("length");
  const int64_t inner = launch.size("inner");
  if (length > INT32_MAX) launch.refuse("wants an axis whose indices are int32, got " + std::to_string(length));
  const auto* x = launch.in<float>("x", {outer, length, inner});
  auto* out = launch.out<int32_t>("out", {outer, inner});
  return [=](Scratch&) {
    const int64_t blocks = tiles(inner, kColumns);
    const int64_t work = length * std::min(inner, kColumns);
    parallel(outer * blocks, tiles(kGrain, work), [&](int64_t begin, int64_t end) {
      float best[kColumns];
      for (int64_t item = begin; item < end; item++) {
        const int64_t o = item / blocks;
        const int64_t column = item % blocks * kColumns;
        const int64_t columns = std::min(kColumns, inner - column);
        firstOfLargest(x + o * length * inner + column, length, inner, columns, best, out + o * inner + column);
      }
    });
  };
});

/** out[r, i] = value[i] where r = index[i], else 0. */
SELFSAME_CLONES void placeColumns(const float* value, const int32_t* index, int64_t r, int64_t columns, float* out) {
  for (int64_t i = 0; i < columns; i++) out[i] = index[i] == r ? value[i] : 0.0f;
}

const Op place("place", [](Launch& launch) -> Run {
  const int64_t outer = launch.size("outer");
  const int64_t length = launch.size("length");
  const int64_t inner = launch.size("inner");
  const auto* value = launch.in<float>("value", {outer, inner});
  const auto* index = launch.in<int32_t>("index", {outer, inner});
  auto* out = launch.out<float>("out", {outer, length, inner});
  return [=](Scratch&) {
    parallel(outer * length, tiles(kGrain, inner), [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; row++) {
        const int64_t o = row / length;
        placeColumns(value + o * inner, index + o * inner, row % length, inner, out + row * inner);
      }
    });
  };
});

}  // namespace
}  // namespace selfsame
