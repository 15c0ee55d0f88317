#include <algorithm>
#include <cmath>
#include <string>

#include "launch.h"
#include "parallel.h"

/**
 * Images read through an affine map, and the transpose: PyTorch's grid_sample with align_corners = false. The formulas
 * are those of kernels/lib/taps.wgsl.
 */
namespace selfsame {
namespace {

// Channels of one image that one thread sums: more would leave threads idle, fewer repeat the walk.
constexpr int64_t kChannels = 16;
constexpr int kMostTaps = 4;

enum class Padding { kZeros, kBorder, kReflection };

struct Sampling {
  int64_t batch, channels, inputHeight, inputWidth, height, width;
  bool cubic;
  Padding padding;
  int taps() const { return cubic ? 4 : 2; }
};

/** The pixels along one axis that a position is made from; a place of −1 counts for nothing. */
struct Taps {
  int64_t place[kMostTaps];
  float weight[kMostTaps];
};

/** Where a position outside [0, extent − 1] is read. Reflection mirrors at −½ and extent − ½. */
float padded(float position, float extent, Padding padding) {
  if (padding == Padding::kZeros) return position;
  if (padding == Padding::kBorder) return std::clamp(position, 0.0f, extent - 1.0f);
  const float distance = std::abs(position + 0.5f);
  const float folds = std::floor(distance / extent);
  const float rest = distance - folds * extent;
  const bool even = folds - 2.0f * std::floor(folds / 2.0f) == 0.0f;
  return std::clamp((even ? rest : extent - rest) - 0.5f, 0.0f, extent - 1.0f);
}

/** Keys' cubic convolution with A = −0.75; distance ≥ 0. */
float cubic(float distance) {
  if (distance <= 1.0f) return (1.25f * distance - 2.25f) * distance * distance + 1.0f;
  return ((-0.75f * distance + 3.75f) * distance - 6.0f) * distance + 3.0f;
}

/** Compared as floats first: far outside an integer would not hold the position, and NaN is nowhere. */
int64_t placeOf(float position, float extent) {
  return position >= 0.0f && position < extent ? static_cast<int64_t>(position) : -1;
}

/** Bilinear pads the position, bicubic each of its taps. */
Taps tapsOf(float position, int64_t size, const Sampling& sampling) {
  const auto extent = static_cast<float>(size);
  Taps taps;
  if (sampling.cubic) {
    const float low = std::floor(position);
    for (int t = 0; t < 4; t++) {
      const float at = low + static_cast<float>(t - 1);
      taps.place[t] = placeOf(padded(at, extent, sampling.padding), extent);
      taps.weight[t] = cubic(std::abs(position - at));
    }
    return taps;
  }
  const float inside = padded(position, extent, sampling.padding);
  const float low = std::floor(inside);
  taps.place[0] = placeOf(low, extent);
  taps.place[1] = placeOf(low + 1.0f, extent);
  taps.weight[0] = 1.0f - (inside - low);
  taps.weight[1] = inside - low;
  return taps;
}

/** The taps of both axes around the place that `theta` sends the output's pixel (column, row) to. */
struct Place {
  Taps x, y;
};

Place placeOf(const float* theta, int64_t row, int64_t column, const Sampling& sampling) {
  const float u = static_cast<float>(2 * column + 1) / static_cast<float>(sampling.width) - 1.0f;
  const float v = static_cast<float>(2 * row + 1) / static_cast<float>(sampling.height) - 1.0f;
  const float x = theta[0] * u + theta[1] * v + theta[2];
  const float y = theta[3] * u + theta[4] * v + theta[5];
  const auto toPixels = [](float at, int64_t size) {
    return 0.5f * ((at + 1.0f) * static_cast<float>(size) - 1.0f);
  };
  return {tapsOf(toPixels(x, sampling.inputWidth), sampling.inputWidth, sampling),
          tapsOf(toPixels(y, sampling.inputHeight), sampling.inputHeight, sampling)};
}

SELFSAME_CLONES void addScaled(float* __restrict to, const float* __restrict from, float weight, int64_t count) {
  for (int64_t i = 0; i < count; i++) to[i] += weight * from[i];
}

/** Calls visit(input position, output position, weight) for all taps of all the output's pixels of one image. */
template <class Visit>
void walk(const float* theta, int64_t firstRow, int64_t rows, const Sampling& sampling, const Visit& visit) {
  for (int64_t row = firstRow; row < firstRow + rows; row++) {
    for (int64_t column = 0; column < sampling.width; column++) {
      const Place place = placeOf(theta, row, column, sampling);
      for (int i = 0; i < sampling.taps(); i++) {
        for (int j = 0; j < sampling.taps(); j++) {
          if (place.y.place[i] < 0 || place.x.place[j] < 0) continue;
          visit(place.y.place[i] * sampling.inputWidth + place.x.place[j], row * sampling.width + column,
                place.y.weight[i] * place.x.weight[j]);
        }
      }
    }
  }
}

Sampling samplingOf(Launch& launch) {
  Sampling sampling{launch.size("batch"),      launch.size("channels"), launch.size("inputHeight"),
                    launch.size("inputWidth"), launch.size("height"),   launch.size("width"),
                    false,                     Padding::kZeros};
  const std::string interpolation = launch.text("interpolation");
  const std::string padding = launch.text("padding");
  if (interpolation != "bilinear" && interpolation != "bicubic") {
    launch.refuse("wants interpolation to be bilinear or bicubic, got " + interpolation);
  }
  if (padding != "zeros" && padding != "border" && padding != "reflection") {
    launch.refuse("wants padding to be zeros, border or reflection, got " + padding);
  }
  sampling.cubic = interpolation == "bicubic";
  if (padding == "border") sampling.padding = Padding::kBorder;
  if (padding == "reflection") sampling.padding = Padding::kReflection;
  return sampling;
}

const Op affineSample("affineSample", [](Launch& launch) -> Run {
  const Sampling sampling = samplingOf(launch);
  const auto& [batch, channels, inputHeight, inputWidth, height, width, isCubic, padding] = sampling;
  const auto* x = launch.in<float>("x", {batch, inputHeight, inputWidth, channels});
  const auto* theta = launch.in<float>("theta", {batch, 2, 3});
  auto* out = launch.out<float>("out", {batch, height, width, channels});
  return [=](Scratch&) {
    const int64_t taps = sampling.taps() * sampling.taps();
    const int64_t work = sampling.width * taps * (8 + sampling.channels);
    parallel(sampling.batch * sampling.height, tiles(kGrain, work), [&](int64_t begin, int64_t end) {
      for (int64_t item = begin; item < end; item++) {
        const int64_t n = item / sampling.height;
        const int64_t values = sampling.width * sampling.channels;
        std::fill_n(out + item * values, values, 0.0f);
        const float* from = x + n * sampling.inputHeight * sampling.inputWidth * sampling.channels;
        float* to = out + n * sampling.height * values;
        walk(theta + 6 * n, item % sampling.height, 1, sampling, [&](int64_t input, int64_t output, float weight) {
          addScaled(to + output * sampling.channels, from + input * sampling.channels, weight, sampling.channels);
        });
      }
    });
  };
});

/** Its transpose: `x` is the gradient of its result, `out` that of its images. A thread owns what it adds to. */
const Op affineSampleBackward("affineSampleBackward", [](Launch& launch) -> Run {
  const Sampling sampling = samplingOf(launch);
  const auto& [batch, channels, inputHeight, inputWidth, height, width, isCubic, padding] = sampling;
  const auto* gradient = launch.in<float>("x", {batch, height, width, channels});
  const auto* theta = launch.in<float>("theta", {batch, 2, 3});
  auto* out = launch.out<float>("out", {batch, inputHeight, inputWidth, channels});
  return [=](Scratch&) {
    const int64_t all = sampling.channels;
    const int64_t pixels = sampling.inputHeight * sampling.inputWidth;
    const int64_t outPixels = sampling.height * sampling.width;
    const int64_t blocks = tiles(all, kChannels);
    const int64_t work = outPixels * sampling.taps() * sampling.taps() * (8 + kChannels);
    parallel(sampling.batch * blocks, tiles(kGrain, work), [&](int64_t begin, int64_t end) {
      for (int64_t item = begin; item < end; item++) {
        const int64_t n = item / blocks;
        const int64_t first = item % blocks * kChannels;
        const int64_t mine = std::min(kChannels, all - first);
        float* to = out + n * pixels * all + first;
        const float* from = gradient + n * outPixels * all + first;
        for (int64_t pixel = 0; pixel < pixels; pixel++) std::fill_n(to + pixel * all, mine, 0.0f);
        walk(theta + 6 * n, 0, sampling.height, sampling, [&](int64_t input, int64_t output, float weight) {
          addScaled(to + input * all, from + output * all, weight, mine);
        });
      }
    });
  };
});

}  // namespace
}  // namespace selfsame
