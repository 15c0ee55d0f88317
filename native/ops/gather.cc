#include <algorithm>
#include <string>
#include <utility>

#include "launch.h"
#include "parallel.h"

/** Rows by index. An index outside is no error, because nothing can be thrown in the middle of a queue. */
namespace selfsame {
namespace {

// Columns that are summed side by side.
constexpr int64_t kColumns = 256;
// Terms that are added up before they join the total, so that a long segment keeps its last digits.
constexpr int64_t kChain = 256;

/** out[o, k, i] = x[o, indices[k], i], 0 for an index outside. */
const Op gatherOp("gather", [](Launch& launch) -> Run {
  const int64_t outer = launch.size("outer");
  const int64_t length = launch.size("length");
  const int64_t inner = launch.size("inner");
  const int64_t picked = launch.size("picked");
  const auto* x = launch.in<uint32_t>("x", {outer, length, inner});
  const auto* indices = launch.in<int32_t>("indices", {picked});
  auto* out = launch.out<uint32_t>("out", {outer, picked, inner});
  return [=](Scratch&) {
    parallel(outer * picked, tiles(kGrain, inner), [&](int64_t begin, int64_t end) {
      for (int64_t item = begin; item < end; item++) {
        const int64_t row = indices[item % picked];
        uint32_t* to = out + item * inner;
        if (row < 0 || row >= length) std::fill_n(to, inner, 0u);
        else if (inner == 1) *to = x[item / picked * length + row];
        else std::copy_n(x + (item / picked * length + row) * inner, inner, to);
      }
    });
  };
});

/** Rows that are summed: updates[k], or factors[k] · updates[⌊k / each⌋]. */
struct Updates {
  const float *rows, *factors;
  int64_t each, inner;
};

/** total[i] = Σ over the segment of update order[k], from column `first` on, in the order of k. */
SELFSAME_CLONES void sumRows(const Updates& updates, const int32_t* order, int64_t length, int64_t first,
                             int64_t columns, float* __restrict total) {
  float part[kColumns];
  for (int64_t i = 0; i < columns; i++) total[i] = 0.0f;
  for (int64_t chunk = 0; chunk < length; chunk += kChain) {
    for (int64_t i = 0; i < columns; i++) part[i] = 0.0f;
    for (int64_t k = chunk; k < std::min(chunk + kChain, length); k++) {
      const float* row = updates.rows + order[k] / updates.each * updates.inner + first;
      const float factor = updates.factors ? updates.factors[order[k]] : 1.0f;
      for (int64_t i = 0; i < columns; i++) part[i] += factor * row[i];
    }
    for (int64_t i = 0; i < columns; i++) total[i] += part[i];
  }
}

/**
 * out[r, i] = Σ of update k over the k with indices[k] = r, in order: a counting sort of the positions by row, then
 * each row walks its own segment.
 */
const Op scatterAdd("scatterAdd", [](Launch& launch) -> Run {
  const int64_t count = launch.size("count");
  const int64_t rows = launch.size("rows");
  const int64_t inner = launch.size("inner");
  if (count > INT32_MAX) launch.refuse("wants positions that are int32, got " + std::to_string(count));
  const auto* factors = launch.has("factors") ? launch.in<float>("factors", {count}) : nullptr;
  const int64_t each = factors ? launch.size("each") : 1;
  const Updates updates{launch.in<float>("updates", {tiles(count, each), inner}), factors, each, inner};
  const auto* indices = launch.in<int32_t>("indices", {count});
  auto* out = launch.out<float>("out", {rows, inner});
  return [=](Scratch& scratch) {
    auto* ends = scratch.take<int32_t>(rows + 1);
    auto* order = scratch.take<int32_t>(count);
    // ends[r + 1] counts row r, then is where row r begins, and once its positions are placed, where it ends.
    std::fill_n(ends, rows + 1, 0);
    const auto inside = [=](int64_t k) { return indices[k] >= 0 && indices[k] < rows; };
    for (int64_t k = 0; k < count; k++) {
      if (inside(k)) ends[indices[k] + 1]++;
    }
    int32_t before = 0;
    for (int64_t r = 1; r <= rows; r++) ends[r] = std::exchange(before, before + ends[r]);
    for (int64_t k = 0; k < count; k++) {
      if (inside(k)) order[ends[indices[k] + 1]++] = static_cast<int32_t>(k);
    }
    const int64_t blocks = tiles(inner, kColumns);
    const int64_t work = (count / rows + 1) * std::min(inner, kColumns);
    parallel(rows * blocks, tiles(kGrain, work), [&](int64_t begin, int64_t end) {
      for (int64_t item = begin; item < end; item++) {
        const int64_t row = item / blocks;
        const int64_t column = item % blocks * kColumns;
        sumRows(updates, order + ends[row], ends[row + 1] - ends[row], column, std::min(kColumns, inner - column),
                out + row * inner + column);
      }
    });
  };
});

/**
 * page[indices[k] − first] = rows[k] where the page has that row. Every thread takes some columns of all rows in their
 * order, so that the last row with an index wins.
 */
const Op scatterRows("scatterRows", [](Launch& launch) -> Run {
  const int64_t count = launch.size("count");
  const int64_t columns = launch.size("columns");
  const int64_t first = launch.whole("first");
  const int64_t pageRows = launch.size("pageRows");
  const auto* rows = launch.in<float>("rows", {count, columns});
  const auto* indices = launch.in<int32_t>("indices", {count});
  auto* page = launch.out<float>("page", {pageRows, columns});
  return [=](Scratch&) {
    parallel(columns, tiles(kGrain, count), [&](int64_t begin, int64_t end) {
      for (int64_t k = 0; k < count; k++) {
        const int64_t row = indices[k] - first;
        if (row < 0 || row >= pageRows) continue;
        std::copy_n(rows + k * columns + begin, end - begin, page + row * columns + begin);
      }
    });
  };
});

/** out[k, c] = 1 where indices[k] = c, else 0. */
const Op oneHot("oneHot", [](Launch& launch) -> Run {
  const int64_t count = launch.size("count");
  const int64_t classes = launch.size("classes");
  const auto* indices = launch.in<int32_t>("indices", {count});
  auto* out = launch.out<float>("out", {count, classes});
  return [=](Scratch&) {
    parallel(count, tiles(kGrain, classes), [&](int64_t begin, int64_t end) {
      std::fill_n(out + begin * classes, (end - begin) * classes, 0.0f);
      for (int64_t k = begin; k < end; k++) {
        if (indices[k] >= 0 && indices[k] < classes) out[k * classes + indices[k]] = 1.0f;
      }
    });
  };
});

/** inverse[permutation[i]] = i. On one thread: what is no permutation must not make two threads write one word. */
const Op invertPermutation("invertPermutation", [](Launch& launch) -> Run {
  const int64_t count = launch.size("count");
  const auto* permutation = launch.in<int32_t>("permutation", {count});
  auto* inverse = launch.out<int32_t>("inverse", {count});
  return [=](Scratch&) {
    for (int64_t i = 0; i < count; i++) {
      if (permutation[i] >= 0 && permutation[i] < count) inverse[permutation[i]] = static_cast<int32_t>(i);
    }
  };
});

}  // namespace
}  // namespace selfsame
