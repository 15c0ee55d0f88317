#include <algorithm>
#include <cstring>
#include <vector>

#include "launch.h"
#include "parallel.h"

/**
 * out[outAt + Σ xₖ·outStrides[k]] = source[sourceAt + Σ xₖ·sourceStrides[k]], in words of four bytes. Axes are merged
 * where both sides walk on. Two of those that remain are copied as rectangles: the last, and the one over which the
 * source walks word by word, so that a transpose uses each cache line that it fetches as a whole.
 */
namespace selfsame {
namespace {

constexpr int64_t kTile = 32;

struct Axis {
  int64_t size, source, out;
};

/** Drops axes of length 1 and merges neighbours over which both sides walk on. */
std::vector<Axis> merged(const std::vector<Axis>& axes) {
  std::vector<Axis> to;
  for (const Axis& axis : axes) {
    if (axis.size == 1) continue;
    const bool walksOn = !to.empty() && to.back().source == axis.source * axis.size &&
                         to.back().out == axis.out * axis.size;
    if (walksOn) to.back() = {to.back().size * axis.size, axis.source, axis.out};
    else to.push_back(axis);
  }
  if (to.empty()) to.push_back({1, 1, 1});
  return to;
}

/** rows × columns words; both sides have a stride for each. */
void rectangle(const uint32_t* source, uint32_t* out, Axis row, Axis column, int64_t rows, int64_t columns) {
  for (int64_t r = 0; r < rows; r++) {
    const uint32_t* from = source + r * row.source;
    uint32_t* to = out + r * row.out;
    if (column.source == 1 && column.out == 1) {
      std::memcpy(to, from, sizeof(uint32_t) * static_cast<size_t>(columns));
    } else {
      for (int64_t c = 0; c < columns; c++) to[c * column.out] = from[c * column.source];
    }
  }
}

/** The operand's reach in words, from its first. */
int64_t reachOf(const Launch& launch, int64_t begin, const std::vector<Axis>& axes, int64_t Axis::*stride) {
  constexpr int64_t kMost = int64_t{1} << 50;
  int64_t reach = 1 + std::min(begin, kMost);
  for (const Axis& axis : axes) {
    if (axis.*stride > kMost / axis.size || reach > kMost) launch.refuse("has strides that no memory could hold");
    reach += axis.*stride * (axis.size - 1);
  }
  return reach;
}

const Op copy("copy", [](Launch& launch) -> Run {
  const auto shape = launch.wholes("shape", 1);
  const auto sourceStrides = launch.wholes("sourceStrides");
  const auto outStrides = launch.wholes("outStrides");
  if (sourceStrides.size() != shape.size() || outStrides.size() != shape.size()) {
    launch.refuse("wants a stride of the source and one of the result for each axis");
  }
  std::vector<Axis> whole;
  int64_t count = 1;
  for (size_t k = 0; k < shape.size(); k++) {
    whole.push_back({shape[k], sourceStrides[k], outStrides[k]});
    if (shape[k] > (int64_t{1} << 50) / count) launch.refuse("has sizes that no memory could hold");
    count *= shape[k];
  }
  // No word is written twice, so that a stride of 0 cannot keep the queue busy for hours.
  if (count > launch.bytes("out") / 4) launch.refuse("wants a place of its own in out for each element");
  const int64_t sourceAt = launch.whole("sourceAt");
  const int64_t outAt = launch.whole("outAt");
  const auto* from = launch.in<uint32_t>("source", {reachOf(launch, sourceAt, whole, &Axis::source)}) + sourceAt;
  auto* to = launch.out<uint32_t>("out", {reachOf(launch, outAt, whole, &Axis::out)}) + outAt;

  auto axes = merged(whole);
  const Axis column = axes.back();
  axes.pop_back();
  Axis row{1, 0, 0};
  // The axis over which the source walks word by word, else the one before the last.
  if (!axes.empty()) {
    auto found = std::find_if(axes.begin(), axes.end(), [](const Axis& axis) { return axis.source == 1; });
    if (found == axes.end()) found--;
    row = *found;
    axes.erase(found);
  }
  const bool straight = column.source == 1 && column.out == 1;
  const int64_t tileColumns = straight ? std::max<int64_t>(kGrain, 1) : kTile;
  const int64_t tileRows = straight ? std::max<int64_t>(1, kGrain / column.size) : kTile;
  const int64_t across = tiles(column.size, tileColumns);
  const int64_t down = tiles(row.size, tileRows);
  const int64_t outer = count / column.size / row.size;
  const int64_t work = std::min(tileRows, row.size) * std::min(tileColumns, column.size);
  return [=](Scratch&) {
    parallel(outer * down * across, tiles(kGrain, work), [&](int64_t begin, int64_t end) {
      for (int64_t item = begin; item < end; item++) {
        const int64_t c = item % across * tileColumns;
        const int64_t r = item / across % down * tileRows;
        int64_t rest = item / across / down;
        int64_t source = r * row.source + c * column.source;
        int64_t out = r * row.out + c * column.out;
        for (size_t k = axes.size(); k-- > 0; rest /= axes[k].size) {
          source += rest % axes[k].size * axes[k].source;
          out += rest % axes[k].size * axes[k].out;
        }
        rectangle(from + source, to + out, row, column, std::min(tileRows, row.size - r),
                  std::min(tileColumns, column.size - c));
      }
    });
  };
});

}  // namespace
}  // namespace selfsame
