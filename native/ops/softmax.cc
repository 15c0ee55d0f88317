#include <algorithm>
#include <cmath>

#include "lanes.h"
#include "launch.h"
#include "math.h"
#include "parallel.h"

/**
 * Softmax and cross-entropy, row by row: kernels/softmax.wgsl, kernels/cross_entropy.wgsl and its gradient. A row with a
 * negative label counts nothing.
 */
namespace selfsame {
namespace {

/** Simple operations that an exponential is worth. */
constexpr int64_t kWork = 8;

template <class Body>
void forRows(int64_t rows, int64_t columns, const Body& body) {
  parallel(rows, tiles(kGrain, kWork * columns), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) body(row);
  });
}

SELFSAME_CLONES void softmaxRow(const float* x, float* y, int64_t columns) {
  const float largest = maxLanes(columns, x);
  for (int64_t i = 0; i < columns; i++) y[i] = expOf(x[i] - largest);
  const float factor = 1.0f / sumLanes(columns, [y](int64_t i) { return y[i]; });
  for (int64_t i = 0; i < columns; i++) y[i] *= factor;
}

SELFSAME_CLONES void logSoftmaxRow(const float* x, float* y, int64_t columns) {
  const float largest = maxLanes(columns, x);
  const float logSum = std::log(sumLanes(columns, [=](int64_t i) { return expOf(x[i] - largest); }));
  for (int64_t i = 0; i < columns; i++) y[i] = x[i] - largest - logSum;
}

const Op softmax("softmax", [](Launch& launch) -> Run {
  const int64_t rows = launch.size("rows");
  const int64_t columns = launch.size("columns");
  const auto run = launch.flag("log") ? logSoftmaxRow : softmaxRow;
  const auto* x = launch.in<float>("x", {rows, columns});
  auto* y = launch.out<float>("y", {rows, columns});
  return [=](Scratch&) {
    forRows(rows, columns, [&](int64_t row) { run(x + row * columns, y + row * columns, columns); });
  };
});

/** What the loss of a row is made from: its largest value, and relative to that log Σ exp(x) and Σ x. */
struct Sums {
  float largest, logSum, total;
};

SELFSAME_CLONES Sums sumsOf(const float* x, int64_t columns) {
  const float largest = maxLanes(columns, x);
  const float sum = sumLanes(columns, [=](int64_t i) { return expOf(x[i] - largest); });
  const float total = sumLanes(columns, [=](int64_t i) { return x[i] - largest; });
  return {largest, std::log(sum), total};
}

float smoothingOf(Launch& launch) {
  const double smoothing = launch.number("smoothing");
  if (!(smoothing >= 0 && smoothing <= 1)) launch.refuse("wants a smoothing from 0 to 1");
  return static_cast<float>(smoothing);
}

const Op crossEntropy("crossEntropy", [](Launch& launch) -> Run {
  const int64_t rows = launch.size("rows");
  const int64_t columns = launch.size("columns");
  const float smoothing = smoothingOf(launch);
  const auto* x = launch.in<float>("x", {rows, columns});
  const auto* labels = launch.in<int32_t>("labels", {rows});
  auto* loss = launch.out<float>("loss", {rows});
  auto* logSum = launch.out<float>("logSum", {rows});
  return [=](Scratch&) {
    forRows(rows, columns, [&](int64_t row) {
      const Sums sums = sumsOf(x + row * columns, columns);
      const int64_t label = labels[row];
      logSum[row] = sums.largest + sums.logSum;
      if (label < 0) {
        loss[row] = 0;
        return;
      }
      // A label beyond the classes must not read out of bounds; NaN says that something is wrong.
      const float value = label < columns ? x[row * columns + label] - sums.largest : NAN;
      const float expected = (1.0f - smoothing) * value + smoothing * sums.total / static_cast<float>(columns);
      loss[row] = (sums.logSum - expected) / static_cast<float>(rows);
    });
  };
});

/** dx = factor · (exp(x − logSum) − share), without what the label adds to the target. */
SELFSAME_CLONES void gradientRow(const float* x, float logSum, float share, float factor, int64_t columns, float* dx) {
  for (int64_t i = 0; i < columns; i++) dx[i] = factor * (expOf(x[i] - logSum) - share);
}

const Op crossEntropyGradient("crossEntropyGradient", [](Launch& launch) -> Run {
  const int64_t rows = launch.size("rows");
  const int64_t columns = launch.size("columns");
  const float smoothing = smoothingOf(launch);
  const auto* x = launch.in<float>("x", {rows, columns});
  const auto* labels = launch.in<int32_t>("labels", {rows});
  const auto* logSum = launch.in<float>("logSum", {rows});
  const auto* g = launch.in<float>("g", {1});
  auto* dx = launch.out<float>("dx", {rows, columns});
  return [=](Scratch&) {
    const float factor = g[0] / static_cast<float>(rows);
    const float share = smoothing / static_cast<float>(columns);
    forRows(rows, columns, [&](int64_t row) {
      const float* from = x + row * columns;
      float* to = dx + row * columns;
      const int64_t label = labels[row];
      if (label < 0) {
        std::fill(to, to + columns, 0.0f);
        return;
      }
      gradientRow(from, logSum[row], share, factor, columns, to);
      if (label >= columns) return;
      const float target = 1.0f - smoothing + share;
      to[label] = factor * (expOf(from[label] - logSum[row]) - target);
    });
  };
});

}  // namespace
}  // namespace selfsame
