#include "ops/batch_norm.h"

#include <cmath>

#include "stream.h"

/**
 * Batch normalisation of x [splits, rows, channels] with ReLU and a residual, split by split, in the two passes over
 * memory that it takes: kernels/batch_norm.wgsl. Sums are in double precision over parts that depend on the shape alone.
 */
namespace selfsame {
namespace {

using namespace batch_norm;

/** Σ (x − shift) and its squares. Rows of x are `width` apart. */
SELFSAME_CLONES void addStatistics(const float* x, const float* shift, int64_t lines, int64_t width, int64_t columns,
                                   double* sum, double* squares) {
  int64_t line = 0;
  for (; line + kRows <= lines; line += kRows) {
    const float* from = x + line * width;
#pragma omp simd
    for (int64_t i = 0; i < columns; i++) {
      const double at = shift[i];
      const double a = from[i] - at;
      const double b = from[i + width] - at;
      const double c = from[i + 2 * width] - at;
      const double d = from[i + 3 * width] - at;
      sum[i] += (a + b) + (c + d);
      squares[i] += (a * a + b * b) + (c * c + d * d);
    }
  }
  for (; line < lines; line++) {
    const float* from = x + line * width;
#pragma omp simd
    for (int64_t i = 0; i < columns; i++) {
      const double away = from[i] - static_cast<double>(shift[i]);
      sum[i] += away;
      squares[i] += away * away;
    }
  }
}

template <bool kRelu, bool kResidual>
SELFSAME_CLONES void normalise(const float* x, const float* residual, Affine affine, int64_t lines, int64_t width,
                               int64_t columns, bool past, float* y) {
  alignas(64) float result[kColumns];
  for (int64_t line = 0; line < lines; line++) {
    const int64_t at = line * width;
    float* to = past ? result : y + at;
#pragma omp simd
    for (int64_t i = 0; i < columns; i++) {
      float value = affine.of(x[at + i], i);
      if constexpr (kResidual) value += residual[at + i];
      if constexpr (kRelu) value = value < 0.0f ? 0.0f : value;
      to[i] = value;
    }
    if (past) stream(result, y + at, columns);
  }
  if (past) streamed();
}

struct Forward {
  const float *x, *residual, *gamma, *beta;
  float *runningMean, *runningVariance, *coefficients, *y;
  int64_t splits, rows, channels;
  bool batch, relu;
  float momentum, epsilon;

  /** One of the splits, with its part of everything. */
  Forward at(int64_t split) const {
    const int64_t before = split * rows * channels;
    Forward one = *this;
    one.x += before;
    one.y += before;
    if (residual) one.residual += before;
    one.coefficients += split * 4 * channels;
    return one;
  }

  /** coefficients [4, channels] = mean, 1 / √(variance + epsilon), that times gamma, beta; adds to `means` and so on. */
  void makeCoefficients(const Partial* partial, float* means, float* variances) const {
    const auto count = static_cast<double>(rows);
    for (int64_t c = 0; c < channels; c++) {
      float mean, variance;
      if (partial) {
        const auto [sum, squares] = partial->of(c);
        const double away = std::max(0.0, squares - sum * (sum / count));
        mean = static_cast<float>(x[c] + sum / count);
        variance = static_cast<float>(away / count);
        means[c] += mean;
        variances[c] += static_cast<float>(away / (count - 1.0));
      } else {
        mean = runningMean[c];
        variance = runningVariance[c];
      }
      const float scale = 1.0f / std::sqrt(variance + epsilon);
      coefficients[c] = mean;
      coefficients[channels + c] = scale;
      coefficients[2 * channels + c] = gamma ? scale * gamma[c] : scale;
      coefficients[3 * channels + c] = beta ? beta[c] : 0.0f;
    }
  }

  /** Running statistics move by the mean of the splits'. */
  void updateRunning(const float* means, const float* variances) const {
    const auto count = static_cast<float>(splits);
    for (int64_t c = 0; c < channels; c++) {
      runningMean[c] = (1.0f - momentum) * runningMean[c] + momentum * (means[c] / count);
      runningVariance[c] = (1.0f - momentum) * runningVariance[c] + momentum * (variances[c] / count);
    }
  }

  void run(Scratch& scratch) const {
    auto* means = scratch.take<float>(channels);
    auto* variances = scratch.take<float>(channels);
    std::fill_n(means, channels, 0.0f);
    std::fill_n(variances, channels, 0.0f);
    for (int64_t split = 0; split < splits; split++) at(split).runSplit(means, variances, scratch);
    if (batch && runningMean) updateRunning(means, variances);
  }

  void runSplit(float* means, float* variances, Scratch& scratch) const {
    const Lines lines(rows, channels);
    if (batch) {
      const Partial partial(lines, scratch);
      // Relative to the first row, so that a large mean costs no digits.
      const float* shift = lines.repeat(x, scratch);
      lines.forParts([&](int64_t part, int64_t column, int64_t begin, int64_t count, int64_t columns) {
        addStatistics(x + begin, shift + column, count, lines.width, columns, partial.first(part) + column,
                      partial.second(part) + column);
      });
      makeCoefficients(&partial, means, variances);
    } else {
      makeCoefficients(nullptr, nullptr, nullptr);
    }
    const float* mean = lines.repeat(coefficients, scratch);
    const float* factor = lines.repeat(coefficients + 2 * channels, scratch);
    const float* offset = lines.repeat(coefficients + 3 * channels, scratch);
    const bool past = streams(4 * lines.size);
    const auto apply = relu ? residual ? normalise<true, true> : normalise<true, false>
                            : residual ? normalise<false, true> : normalise<false, false>;
    lines.forParts([&](int64_t, int64_t column, int64_t begin, int64_t count, int64_t columns) {
      apply(x + begin, residual ? residual + begin : nullptr, {mean + column, factor + column, offset + column}, count,
            lines.width, columns, past, y + begin);
    });
  }
};

/** What both launches say about the channels. */
void readChannels(Launch& launch, Forward& f) {
  f.relu = launch.flag("relu");
  f.epsilon = static_cast<float>(launch.number("epsilon"));
  if (launch.has("residual")) f.residual = launch.in<float>("residual", {f.splits, f.rows, f.channels});
  if (launch.has("gamma")) f.gamma = launch.in<float>("gamma", {f.channels});
  if (launch.has("beta")) f.beta = launch.in<float>("beta", {f.channels});
  if (!f.batch || (launch.has("runningMean") && launch.has("runningVariance"))) {
    f.runningMean = launch.out<float>("runningMean", {f.channels});
    f.runningVariance = launch.out<float>("runningVariance", {f.channels});
  }
  f.coefficients = launch.out<float>("coefficients", {f.splits, 4, f.channels});
}

const Op batchNorm("batchNorm", [](Launch& launch) -> Run {
  Forward f{};
  f.splits = launch.size("splits");
  f.rows = launch.size("rows");
  f.channels = launch.size("channels");
  f.batch = launch.flag("batch");
  f.momentum = static_cast<float>(launch.number("momentum"));
  if (!f.batch && f.splits != 1) launch.refuse("wants one split where no batch statistics are made");
  f.x = launch.in<float>("x", {f.splits, f.rows, f.channels});
  readChannels(launch, f);
  f.y = launch.out<float>("y", {f.splits, f.rows, f.channels});
  return [f](Scratch& scratch) { f.run(scratch); };
});

}  // namespace

Run batch_norm::inPlace(Launch& launch, float* y, int64_t rows, int64_t channels) {
  Forward f{};
  f.splits = 1;
  f.rows = rows;
  f.channels = channels;
  f.x = y;
  f.y = y;
  readChannels(launch, f);
  return [f](Scratch& scratch) { f.run(scratch); };
}

}  // namespace selfsame
