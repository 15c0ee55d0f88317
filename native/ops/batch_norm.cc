#include <algorithm>
#include <cmath>
#include <utility>

#include "launch.h"
#include "parallel.h"

/**
 * Batch normalisation of x [splits, rows, channels] with ReLU and a residual, split by split, in the two passes over
 * memory that it takes: kernels/batch_norm*.wgsl. Sums are in double precision over parts that depend on the shape alone.
 */
namespace selfsame {
namespace {

// Columns whose sums stay in the first-level cache, and elements of a part.
constexpr int64_t kColumns = 256;
constexpr int64_t kPart = 32768;
// Rows that are added before the sums in memory are touched.
constexpr int kRows = 4;

/**
 * The matrix with its narrow rows joined into lines of some 64 columns and more, so that few channels fill vectors too;
 * the last line may be shorter. Lines are cut into blocks of columns, and the matrix into parts of some lines.
 */
struct Lines {
  Lines(int64_t rows, int64_t channels)
      : size(rows * channels),
        channels(channels),
        width(channels * std::clamp<int64_t>(64 / channels, 1, rows)),
        each(std::max<int64_t>(4 * kRows, kPart / std::min(width, kColumns))),
        blocks(tiles(width, kColumns)),
        parts(tiles(tiles(size, width), each)) {}

  int64_t size, channels, width, each, blocks, parts;

  /**
   * body(part, column, begin, lines, columns) for all parts and blocks: `lines` lines of `columns` elements, `width`
   * apart from element `begin` on. The last line is handed over alone where it is shorter.
   */
  template <class Body>
  void forParts(const Body& body) const {
    parallel(parts * blocks, tiles(kGrain, kPart), [&](int64_t from, int64_t to) {
      for (int64_t item = from; item < to; item++) {
        const int64_t part = item / blocks;
        const int64_t column = item % blocks * kColumns;
        const int64_t columns = std::min(kColumns, width - column);
        const int64_t first = part * each;
        const int64_t whole = std::min(each, size / width - first);
        body(part, column, first * width + column, whole, columns);
        const int64_t rest = first + whole == size / width && whole < each ? size % width : 0;
        if (rest > column) body(part, column, (first + whole) * width + column, 1, std::min(columns, rest - column));
      }
    });
  }

  /** A value a channel, again for every row of a line. */
  float* repeat(const float* values, Scratch& scratch) const {
    auto* line = scratch.take<float>(width);
    for (int64_t i = 0; i < width; i++) line[i] = values[i % channels];
    return line;
  }
};

/** Two sums a column for each part of the lines. */
class Partial {
 public:
  Partial(const Lines& lines, Scratch& scratch)
      : lines_(lines), sums_(scratch.take<double>(2 * lines.parts * lines.width)) {
    std::fill_n(sums_, 2 * lines.parts * lines.width, 0.0);
  }
  double* first(int64_t part) const { return sums_ + 2 * part * lines_.width; }
  double* second(int64_t part) const { return first(part) + lines_.width; }
  /** Both sums of a channel, part by part. */
  std::pair<double, double> of(int64_t channel) const {
    std::pair<double, double> total{0.0, 0.0};
    for (int64_t part = 0; part < lines_.parts; part++) {
      for (int64_t i = channel; i < lines_.width; i += lines_.channels) {
        total.first += first(part)[i];
        total.second += second(part)[i];
      }
    }
    return total;
  }

 private:
  const Lines& lines_;
  double* sums_;
};

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

/** What makes y of x, a value a column of a line: mean, factor, beta. */
struct Affine {
  const float *mean, *factor, *beta;

  float of(float x, int64_t column) const { return (x - mean[column]) * factor[column] + beta[column]; }
};

template <bool kRelu, bool kResidual>
SELFSAME_CLONES void normalise(const float* x, const float* residual, Affine affine, int64_t lines, int64_t width,
                               int64_t columns, float* y) {
  for (int64_t line = 0; line < lines; line++) {
    const int64_t at = line * width;
#pragma omp simd
    for (int64_t i = 0; i < columns; i++) {
      float value = affine.of(x[at + i], i);
      if constexpr (kResidual) value += residual[at + i];
      if constexpr (kRelu) value = value < 0.0f ? 0.0f : value;
      y[at + i] = value;
    }
  }
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
    const auto apply = relu ? residual ? normalise<true, true> : normalise<true, false>
                            : residual ? normalise<false, true> : normalise<false, false>;
    lines.forParts([&](int64_t, int64_t column, int64_t begin, int64_t count, int64_t columns) {
      apply(x + begin, residual ? residual + begin : nullptr, {mean + column, factor + column, offset + column}, count,
            lines.width, columns, y + begin);
    });
  }
};

const Op batchNorm("batchNorm", [](Launch& launch) -> Run {
  Forward f{};
  f.splits = launch.size("splits");
  f.rows = launch.size("rows");
  f.channels = launch.size("channels");
  f.batch = launch.flag("batch");
  f.relu = launch.flag("relu");
  f.momentum = static_cast<float>(launch.number("momentum"));
  f.epsilon = static_cast<float>(launch.number("epsilon"));
  f.x = launch.in<float>("x", {f.splits, f.rows, f.channels});
  if (launch.has("residual")) f.residual = launch.in<float>("residual", {f.splits, f.rows, f.channels});
  if (launch.has("gamma")) f.gamma = launch.in<float>("gamma", {f.channels});
  if (launch.has("beta")) f.beta = launch.in<float>("beta", {f.channels});
  if (!f.batch || (launch.has("runningMean") && launch.has("runningVariance"))) {
    f.runningMean = launch.out<float>("runningMean", {f.channels});
    f.runningVariance = launch.out<float>("runningVariance", {f.channels});
  }
  if (!f.batch && f.splits != 1) launch.refuse("wants one split where no batch statistics are made");
  f.coefficients = launch.out<float>("coefficients", {f.splits, 4, f.channels});
  f.y = launch.out<float>("y", {f.splits, f.rows, f.channels});
  return [f](Scratch& scratch) { f.run(scratch); };
});

/** Where ReLU let the gradient through. */
enum class Mask { kNone, kOutput, kInput };

struct Gradient {
  const float *g, *x, *y, *coefficients;
  float *masked, *dx, *dgamma, *dbeta;
  int64_t splits, rows, channels;
  bool batch, residual;

  /** One of the splits, with its part of everything. */
  Gradient at(int64_t split) const {
    const int64_t before = split * rows * channels;
    Gradient one = *this;
    one.g += before;
    one.x += before;
    if (y) one.y += before;
    if (masked) one.masked += before;
    if (dx) one.dx += before;
    one.coefficients += split * 4 * channels;
    return one;
  }

  void run(Scratch& scratch) const {
    std::fill_n(dgamma, channels, 0.0f);
    std::fill_n(dbeta, channels, 0.0f);
    for (int64_t split = 0; split < splits; split++) at(split).runSplit(scratch);
  }

  void runSplit(Scratch& scratch) const;
};

/** g where y is positive. Without a residual y is made again from x, with the same bits, which saves reading it. */
template <Mask kMask>
inline float maskedOf(const float* g, const float* x, const float* y, int64_t at, const Affine& affine,
                      int64_t column) {
  // Loaded in any case: a load that depends on a condition would keep the loop from becoming vector code.
  const float value = g[at];
  if constexpr (kMask == Mask::kOutput) return y[at] > 0.0f ? value : 0.0f;
  if constexpr (kMask == Mask::kInput) return affine.of(x[at], column) > 0.0f ? value : 0.0f;
  return value;
}

/** Σ g' and Σ g'·(x − mean), g' the masked gradient, which is kept where `masked` is given. */
template <Mask kMask, bool kKeep>
SELFSAME_CLONES void addGradients(const float* g, const float* x, const float* y, Affine affine, int64_t lines,
                                  int64_t width, int64_t columns, float* masked, double* sum, double* product) {
  int64_t line = 0;
  for (; line + kRows <= lines; line += kRows) {
    const int64_t at = line * width;
#pragma omp simd
    for (int64_t i = 0; i < columns; i++) {
      const float mean = affine.mean[i];
      const float a = maskedOf<kMask>(g, x, y, at + i, affine, i);
      const float b = maskedOf<kMask>(g, x, y, at + i + width, affine, i);
      const float c = maskedOf<kMask>(g, x, y, at + i + 2 * width, affine, i);
      const float d = maskedOf<kMask>(g, x, y, at + i + 3 * width, affine, i);
      if constexpr (kKeep) {
        masked[at + i] = a;
        masked[at + i + width] = b;
        masked[at + i + 2 * width] = c;
        masked[at + i + 3 * width] = d;
      }
      sum[i] += (a + b) + (c + d);
      product[i] += (a * (x[at + i] - mean) + b * (x[at + i + width] - mean)) +
                    (c * (x[at + i + 2 * width] - mean) + d * (x[at + i + 3 * width] - mean));
    }
  }
  for (; line < lines; line++) {
    const int64_t at = line * width;
#pragma omp simd
    for (int64_t i = 0; i < columns; i++) {
      const float value = maskedOf<kMask>(g, x, y, at + i, affine, i);
      if constexpr (kKeep) masked[at + i] = value;
      sum[i] += value;
      product[i] += value * (x[at + i] - affine.mean[i]);
    }
  }
}

/** dx = factor · (g' − constant − (x − mean) · slope), the last two only of a batch's own statistics. */
template <Mask kMask, bool kBatch>
SELFSAME_CLONES void makeGradient(const float* g, const float* x, const float* y, Affine affine, const float* constant,
                                  const float* slope, int64_t lines, int64_t width, int64_t columns, float* dx) {
  for (int64_t line = 0; line < lines; line++) {
    const int64_t at = line * width;
#pragma omp simd
    for (int64_t i = 0; i < columns; i++) {
      float value = maskedOf<kMask>(g, x, y, at + i, affine, i);
      if constexpr (kBatch) value -= constant[i] + (x[at + i] - affine.mean[i]) * slope[i];
      dx[at + i] = affine.factor[i] * value;
    }
  }
}

template <Mask kMask>
auto addGradientsOf(bool keep) {
  return keep ? addGradients<kMask, true> : addGradients<kMask, false>;
}

template <Mask kMask>
auto makeGradientOf(bool batch) {
  return batch ? makeGradient<kMask, true> : makeGradient<kMask, false>;
}

void Gradient::runSplit(Scratch& scratch) const {
  const Lines lines(rows, channels);
  const Partial partial(lines, scratch);
  const float* mean = lines.repeat(coefficients, scratch);
  const float* factor = lines.repeat(coefficients + 2 * channels, scratch);
  const float* beta = lines.repeat(coefficients + 3 * channels, scratch);
  const auto affineAt = [=](int64_t column) { return Affine{mean + column, factor + column, beta + column}; };
  const Mask mask = !y ? Mask::kNone : residual ? Mask::kOutput : Mask::kInput;
  const auto add = mask == Mask::kNone     ? addGradientsOf<Mask::kNone>(masked)
                   : mask == Mask::kOutput ? addGradientsOf<Mask::kOutput>(masked)
                                           : addGradientsOf<Mask::kInput>(masked);
  lines.forParts([&](int64_t part, int64_t column, int64_t begin, int64_t count, int64_t columns) {
    add(g + begin, x + begin, y ? y + begin : nullptr, affineAt(column), count, lines.width, columns,
        masked ? masked + begin : nullptr, partial.first(part) + column, partial.second(part) + column);
  });

  auto* constants = scratch.take<float>(channels);
  auto* slopes = scratch.take<float>(channels);
  for (int64_t c = 0; c < channels; c++) {
    const auto [sum, product] = partial.of(c);
    const double scale = coefficients[channels + c];
    dbeta[c] += static_cast<float>(sum);
    dgamma[c] += static_cast<float>(product * scale);
    constants[c] = static_cast<float>(sum / static_cast<double>(rows));
    slopes[c] = static_cast<float>(product * scale * scale / static_cast<double>(rows));
  }
  if (!dx) return;

  const float* constant = lines.repeat(constants, scratch);
  const float* slope = lines.repeat(slopes, scratch);
  // Once the masked gradient is written, nothing needs to be masked again.
  const Mask again = masked ? Mask::kNone : mask;
  const auto make = again == Mask::kNone     ? makeGradientOf<Mask::kNone>(batch)
                    : again == Mask::kOutput ? makeGradientOf<Mask::kOutput>(batch)
                                             : makeGradientOf<Mask::kInput>(batch);
  const float* from = masked ? masked : g;
  lines.forParts([&](int64_t, int64_t column, int64_t begin, int64_t count, int64_t columns) {
    make(from + begin, x + begin, y ? y + begin : nullptr, affineAt(column), constant + column, slope + column, count,
         lines.width, columns, dx + begin);
  });
}

const Op batchNormGradient("batchNormGradient", [](Launch& launch) -> Run {
  Gradient f{};
  f.splits = launch.size("splits");
  f.rows = launch.size("rows");
  f.channels = launch.size("channels");
  f.batch = launch.flag("batch");
  f.residual = launch.flag("residual");
  f.g = launch.in<float>("g", {f.splits, f.rows, f.channels});
  f.x = launch.in<float>("x", {f.splits, f.rows, f.channels});
  if (launch.has("y")) f.y = launch.in<float>("y", {f.splits, f.rows, f.channels});
  f.coefficients = launch.in<float>("coefficients", {f.splits, 4, f.channels});
  if (launch.has("masked")) f.masked = launch.out<float>("masked", {f.splits, f.rows, f.channels});
  if (launch.has("dx")) f.dx = launch.out<float>("dx", {f.splits, f.rows, f.channels});
  f.dgamma = launch.out<float>("dgamma", {f.channels});
  f.dbeta = launch.out<float>("dbeta", {f.channels});
  return [f](Scratch& scratch) { f.run(scratch); };
});

}  // namespace
}  // namespace selfsame
