#include <cmath>

#include "lanes.h"
#include "launch.h"
#include "parallel.h"

/** Rows of mean 0 and variance 1: kernels/normalise_rows.wgsl and its gradient. */
namespace selfsame {
namespace {

/** Simple operations that an element is worth. */
constexpr int64_t kWork = 3;

/** y = (x − mean) · scale; returns scale = 1 / √(variance + epsilon). */
SELFSAME_CLONES float normaliseRow(const float* x, float* y, int64_t columns, float epsilon) {
  // Relative to the first value, so that a large mean costs no digits.
  const float first = x[0];
  const auto size = static_cast<float>(columns);
  const float mean = sumLanes(columns, [=](int64_t i) { return x[i] - first; }) / size;
  const float squares = sumLanes(columns, [=](int64_t i) {
    const float away = (x[i] - first) - mean;
    return away * away;
  });
  const float scale = 1.0f / std::sqrt(squares / size + epsilon);
  for (int64_t i = 0; i < columns; i++) y[i] = ((x[i] - first) - mean) * scale;
  return scale;
}

const Op normaliseRows("normaliseRows", [](Launch& launch) -> Run {
  const int64_t rows = launch.size("rows");
  const int64_t columns = launch.size("columns");
  const auto epsilon = static_cast<float>(launch.number("epsilon"));
  const auto* x = launch.in<float>("x", {rows, columns});
  auto* y = launch.out<float>("y", {rows, columns});
  auto* scale = launch.out<float>("scale", {rows});
  return [=](Scratch&) {
    parallel(rows, tiles(kGrain, kWork * columns), [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; row++) {
        scale[row] = normaliseRow(x + row * columns, y + row * columns, columns, epsilon);
      }
    });
  };
});

/** dx = scale · (g − mean(g) − y · mean(g · y)). */
SELFSAME_CLONES void gradientRow(const float* g, const float* y, float scale, int64_t columns, float* dx) {
  const auto size = static_cast<float>(columns);
  const float mean = sumLanes(columns, [=](int64_t i) { return g[i]; }) / size;
  const float slope = sumLanes(columns, [=](int64_t i) { return g[i] * y[i]; }) / size;
  for (int64_t i = 0; i < columns; i++) dx[i] = scale * (g[i] - mean - y[i] * slope);
}

const Op normaliseRowsGradient("normaliseRowsGradient", [](Launch& launch) -> Run {
  const int64_t rows = launch.size("rows");
  const int64_t columns = launch.size("columns");
  const auto* g = launch.in<float>("g", {rows, columns});
  const auto* y = launch.in<float>("y", {rows, columns});
  const auto* scale = launch.in<float>("scale", {rows});
  auto* dx = launch.out<float>("dx", {rows, columns});
  return [=](Scratch&) {
    parallel(rows, tiles(kGrain, kWork * columns), [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; row++) {
        gradientRow(g + row * columns, y + row * columns, scale[row], columns, dx + row * columns);
      }
    });
  };
});

}  // namespace
}  // namespace selfsame
