#include "ops/batch_norm.h"

#include "stream.h"

/**
 * The gradients of batch normalisation with ReLU and a residual, split by split, in two passes over memory:
 * kernels/batch_norm_gradient.wgsl.
 */
namespace selfsame {
namespace {

using namespace batch_norm;

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
                                  int64_t width, int64_t columns, float* masked, bool past, double* sum,
                                  double* product) {
  alignas(64) float kept[kRows][kColumns];
  const auto keep = [&](int64_t row, int64_t at) { return past ? kept[row] : masked + at; };
  int64_t line = 0;
  for (; line + kRows <= lines; line += kRows) {
    const int64_t at = line * width;
    float* const to[kRows] = {keep(0, at), keep(1, at + width), keep(2, at + 2 * width), keep(3, at + 3 * width)};
#pragma omp simd
    for (int64_t i = 0; i < columns; i++) {
      const float mean = affine.mean[i];
      const float a = maskedOf<kMask>(g, x, y, at + i, affine, i);
      const float b = maskedOf<kMask>(g, x, y, at + i + width, affine, i);
      const float c = maskedOf<kMask>(g, x, y, at + i + 2 * width, affine, i);
      const float d = maskedOf<kMask>(g, x, y, at + i + 3 * width, affine, i);
      if constexpr (kKeep) {
        to[0][i] = a;
        to[1][i] = b;
        to[2][i] = c;
        to[3][i] = d;
      }
      sum[i] += (a + b) + (c + d);
      product[i] += (a * (x[at + i] - mean) + b * (x[at + i + width] - mean)) +
                    (c * (x[at + i + 2 * width] - mean) + d * (x[at + i + 3 * width] - mean));
    }
    if (!kKeep || !past) continue;
    for (int64_t row = 0; row < kRows; row++) stream(kept[row], masked + at + row * width, columns);
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
  if (kKeep && past) streamed();
}

/** dx = factor · (g' − constant − (x − mean) · slope), the last two only of a batch's own statistics. */
template <Mask kMask, bool kBatch>
SELFSAME_CLONES void makeGradient(const float* g, const float* x, const float* y, Affine affine, const float* constant,
                                  const float* slope, int64_t lines, int64_t width, int64_t columns, bool past, float* dx) {
  alignas(64) float result[kColumns];
  for (int64_t line = 0; line < lines; line++) {
    const int64_t at = line * width;
    float* to = past ? result : dx + at;
#pragma omp simd
    for (int64_t i = 0; i < columns; i++) {
      float value = maskedOf<kMask>(g, x, y, at + i, affine, i);
      if constexpr (kBatch) value -= constant[i] + (x[at + i] - affine.mean[i]) * slope[i];
      to[i] = affine.factor[i] * value;
    }
    if (past) stream(result, dx + at, columns);
  }
  if (past) streamed();
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
  const bool past = streams(4 * lines.size);
  const auto affineAt = [=](int64_t column) { return Affine{mean + column, factor + column, beta + column}; };
  const Mask mask = !y ? Mask::kNone : residual ? Mask::kOutput : Mask::kInput;
  const auto add = mask == Mask::kNone     ? addGradientsOf<Mask::kNone>(masked)
                   : mask == Mask::kOutput ? addGradientsOf<Mask::kOutput>(masked)
                                           : addGradientsOf<Mask::kInput>(masked);
  lines.forParts([&](int64_t part, int64_t column, int64_t begin, int64_t count, int64_t columns) {
    add(g + begin, x + begin, y ? y + begin : nullptr, affineAt(column), count, lines.width, columns,
        masked ? masked + begin : nullptr, past, partial.first(part) + column, partial.second(part) + column);
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
         lines.width, columns, past, dx + begin);
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
