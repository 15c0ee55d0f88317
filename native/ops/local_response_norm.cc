#include <algorithm>

#include "launch.h"
#include "math.h"
#include "parallel.h"

/** Normalisation by the channels around each: kernels/local_response_norm.wgsl and its gradient. */
namespace selfsame {
namespace {

/** Simple operations that a power and a window are worth. */
constexpr int64_t kWork = 16;

struct Window {
  int64_t rows, channels, before, after;
  float factor, beta;

  explicit Window(Launch& launch) : rows(launch.size("rows")), channels(launch.size("channels")) {
    const int64_t size = launch.size("size");
    before = size / 2;
    after = (size - 1) / 2;
    factor = static_cast<float>(launch.number("alpha") / static_cast<double>(size));
    beta = static_cast<float>(launch.number("beta"));
  }

  template <class Body>
  void forRows(const Body& body) const {
    parallel(rows, tiles(kGrain, kWork * channels), [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; row++) body(row * channels);
    });
  }
};

/** sum[c] = Σ of[j] for j from c − before to c + after within the row, neighbour by neighbour. */
SELFSAME_CLONES void sumWindows(const float* of, int64_t channels, int64_t before, int64_t after, float* sum) {
  std::fill_n(sum, channels, 0.0f);
  for (int64_t offset = -std::min(before, channels - 1); offset <= std::min(after, channels - 1); offset++) {
    const int64_t end = std::min(channels, channels - offset);
    for (int64_t c = std::max<int64_t>(0, -offset); c < end; c++) sum[c] += of[c + offset];
  }
}

SELFSAME_CLONES void square(const float* x, int64_t channels, float* out) {
  for (int64_t c = 0; c < channels; c++) out[c] = x[c] * x[c];
}

/** out = x · base^exponent for a base > 0 that is normal. */
SELFSAME_CLONES void multiplyPower(const float* x, const float* base, float exponent, int64_t channels, float* out) {
#pragma omp simd
  for (int64_t c = 0; c < channels; c++) out[c] = x[c] * expOf(exponent * logOfNormal(base[c]));
}

/** scale = offset + factor · sum, y = x · scale^(−beta). */
SELFSAME_CLONES void normalise(const float* x, float offset, float factor, float beta, int64_t channels, float* scale,
                               float* y) {
  for (int64_t c = 0; c < channels; c++) scale[c] = offset + factor * scale[c];
  multiplyPower(x, scale, -beta, channels, y);
}

const Op localResponseNorm("localResponseNorm", [](Launch& launch) -> Run {
  const Window w(launch);
  const auto offset = static_cast<float>(launch.number("offset"));
  const auto* x = launch.in<float>("x", {w.rows, w.channels});
  auto* scale = launch.out<float>("scale", {w.rows, w.channels});
  auto* y = launch.out<float>("y", {w.rows, w.channels});
  return [=](Scratch&) {
    w.forRows([&](int64_t at) {
      // y holds the squares until the sums are made.
      square(x + at, w.channels, y + at);
      sumWindows(y + at, w.channels, w.before, w.after, scale + at);
      normalise(x + at, offset, w.factor, w.beta, w.channels, scale + at, y + at);
    });
  };
});

SELFSAME_CLONES void weigh(const float* g, const float* y, const float* scale, int64_t channels, float* out) {
  for (int64_t c = 0; c < channels; c++) out[c] = g[c] * y[c] / scale[c];
}

/** own −= slope · x · sum. */
SELFSAME_CLONES void subtract(const float* x, const float* sum, float slope, int64_t channels, float* own) {
  for (int64_t c = 0; c < channels; c++) own[c] -= slope * x[c] * sum[c];
}

const Op localResponseNormGradient("localResponseNormGradient", [](Launch& launch) -> Run {
  const Window w(launch);
  const auto* g = launch.in<float>("g", {w.rows, w.channels});
  const auto* x = launch.in<float>("x", {w.rows, w.channels});
  const auto* scale = launch.in<float>("scale", {w.rows, w.channels});
  const auto* y = launch.in<float>("y", {w.rows, w.channels});
  auto* dx = launch.out<float>("dx", {w.rows, w.channels});
  return [=](Scratch& scratch) {
    auto* shared = scratch.take<float>(w.rows * w.channels);
    auto* sums = scratch.take<float>(w.rows * w.channels);
    w.forRows([&](int64_t at) {
      multiplyPower(g + at, scale + at, -w.beta, w.channels, dx + at);
      weigh(g + at, y + at, scale + at, w.channels, shared + at);
      // Whose window a channel lies in: the window mirrored.
      sumWindows(shared + at, w.channels, w.after, w.before, sums + at);
      subtract(x + at, sums + at, 2.0f * w.beta * w.factor, w.channels, dx + at);
    });
  };
});

}  // namespace
}  // namespace selfsame
