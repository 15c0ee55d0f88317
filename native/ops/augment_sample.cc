#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <type_traits>
#include <utility>

#include "augment.h"
#include "branchless.h"
#include "parallel.h"

/**
 * Sampling through an affine map. Where the map turns nothing, an image row is read along x once and the result serves
 * every output row that needs it; else each output pixel gathers its taps. The sums are the same, in the same order.
 */
namespace selfsame {
namespace {

// Pixels whose taps are worked out together: they stay in the first cache.
constexpr int64_t kBlock = 256;
// A position outside the image, brought inside: [low, high] is the crop.
struct Zeros {
  static float inside(float position, float, float, float) { return position; }
};
struct Border {
  static float inside(float position, float, float low, float high) { return bound(position, low, high); }
};
/** Mirrored at the outer edges of the first and last pixel, −½ and extent − ½. */
struct Reflection {
  static float inside(float position, float extent, float, float) {
    const float distance = std::abs(position + 0.5f);
    const float folds = floorOf(distance / extent);
    const float rest = distance - folds * extent;
    const float mirrored = extent - rest;
    const bool odd = static_cast<int32_t>(folds) & 1;
    return bound(choose(odd, mirrored, rest) - 0.5f, 0.0f, extent - 1.0f);
  }
};

/** Keys 1981, a = −½; distance from 0 to 2. */
inline float cubic(float distance) {
  const float near = (1.5f * distance - 2.5f) * distance * distance + 1.0f;
  const float far = ((-0.5f * distance + 2.5f) * distance - 4.0f) * distance + 2.0f;
  return choose(distance <= 1.0f, near, far);
}

struct Bilinear {
  static constexpr int kTaps = 2;
};
struct Bicubic {
  static constexpr int kTaps = 4;
};
/** Bilinear between the points of a coarse grid, each of which is bilinear itself. Only for maps that do not turn. */
struct Pixelated {
  static constexpr int kTaps = 4;
};

/** What one axis of `count` positions is made from: tap t of position i is at[t · count + i], with a weight. */
struct Taps {
  int32_t* at;
  float* weight;
};

/** Bilinear pads the position, bicubic each of its taps. A tap outside weighs nothing. */
template <class Kernel, class Padding>
SELFSAME_CLONES void tapsOf(const float* positions, int64_t count, int64_t size, float low, float high, Taps taps) {
  const auto extent = static_cast<float>(size);
  for (int t = 0; t < Kernel::kTaps; t++) {
    int32_t* __restrict places = taps.at + t * count;
    float* __restrict weights = taps.weight + t * count;
    for (int64_t i = 0; i < count; i++) {
      const float position = bound(positions[i], -kFar, kFar);
      float place, weight;
      if constexpr (Kernel::kTaps == 2) {
        const float padded = Padding::inside(position, extent, low, high);
        const float first = floorOf(padded);
        place = first + static_cast<float>(t);
        weight = t == 0 ? 1.0f - (padded - first) : padded - first;
      } else {
        const float tap = floorOf(position) - 1.0f + static_cast<float>(t);
        weight = cubic(std::abs(position - tap));
        place = Padding::inside(tap, extent, low, high);
      }
      weights[i] = choose((place < 0.0f) | (place > extent - 1.0f), 0.0f, weight);
      places[i] = static_cast<int32_t>(bound(place, 0.0f, extent - 1.0f));
    }
  }
}

SELFSAME_CLONES void toFloats(const uint8_t* bytes, int64_t count, float* __restrict out) {
  for (int64_t i = 0; i < count; i++) out[i] = static_cast<float>(bytes[i]) / 255.0f;
}

/**
 * The taps of `count` output pixels at slope · i + offset through `cells` points. `positions` is memory for two each:
 * those of the points before all pixels, then of the points after them, so that tap 2 · side + point lies where an
 * alongX with four taps looks for it.
 */
template <class Padding>
void tapsThrough(float cells, float slope, float offset, int64_t count, int64_t size, float low, float high,
                 float* positions, Taps taps) {
  const auto extent = static_cast<float>(count);
  const bool all = !(cells >= 1.0f);
  const auto position = [=](float index) {
    return bound((index + 0.5f) * cells / extent - 0.5f, 0.0f, cells - 1.0f);
  };
  for (int64_t i = 0; i < count; i++) {
    const auto index = static_cast<float>(i);
    const float first = all ? index : std::floor(position(index));
    const float second = all ? index : std::min(first + 1.0f, cells - 1.0f);
    positions[i] = slope * (all ? index : (first + 0.5f) * extent / cells - 0.5f) + offset;
    positions[count + i] = slope * (all ? index : (second + 0.5f) * extent / cells - 0.5f) + offset;
  }
  tapsOf<Bilinear, Padding>(positions, 2 * count, size, low, high, taps);
  for (int64_t i = 0; i < count; i++) {
    const float at = all ? 0.0f : position(static_cast<float>(i));
    const float share = at - std::floor(at);
    for (int side = 0; side < 2; side++) {
      taps.weight[2 * side * count + i] *= 1.0f - share;
      taps.weight[(2 * side + 1) * count + i] *= share;
    }
  }
}

/** Bicubic overshoots. */
template <class Kernel>
inline float limited(float value) {
  if constexpr (std::is_same_v<Kernel, Bicubic>) return bound(value, 0.0f, 1.0f);
  else return value;
}

/** out[i] = Σ over taps of weight · line[at], one channel of kChannels. */
template <class Kernel, int kChannels>
SELFSAME_CLONES void alongX(const float* line, const int32_t* at, const float* weights, int64_t count,
                            float* __restrict out) {
  for (int64_t i = 0; i < count; i++) {
    float total = 0.0f;
    for (int t = 0; t < Kernel::kTaps; t++) total += weights[t * count + i] * line[at[t * count + i] * kChannels];
    out[i] = total;
  }
}

/** out[i] = Σ over taps of weight · lines[i]. */
template <class Kernel>
SELFSAME_CLONES void alongY(const float* const* lines, const float* weights, int64_t count, float* __restrict out) {
  for (int64_t i = 0; i < count; i++) {
    float total = 0.0f;
    for (int t = 0; t < Kernel::kTaps; t++) total += weights[t] * lines[t][i];
    out[i] = limited<Kernel>(total);
  }
}

/** out[i] = Σ over taps of both axes, one channel of kChannels. */
template <class Kernel, int kChannels>
SELFSAME_CLONES void alongBoth(const float* source, int32_t sourceWidth, const int32_t* columns, const float* across,
                               const int32_t* rows, const float* down, int64_t count, float* __restrict out) {
  for (int64_t i = 0; i < count; i++) {
    float value = 0.0f;
    for (int row = 0; row < Kernel::kTaps; row++) {
      const int32_t first = rows[row * count + i] * sourceWidth;
      float total = 0.0f;
      for (int t = 0; t < Kernel::kTaps; t++) {
        total += across[t * count + i] * source[(first + columns[t * count + i]) * kChannels];
      }
      value += down[row * count + i] * total;
    }
    out[i] = limited<Kernel>(value);
  }
}

/** Hands out working memory. Integers lie in it as words of the same size. */
struct Room {
  float* next;
  float* floats(int64_t count) { return std::exchange(next, next + count); }
  Taps taps(int64_t count) {
    float* at = floats(count);
    return {reinterpret_cast<int32_t*>(at), floats(count)};
  }
};

template <class Kernel, class Padding, int kChannels>
void upright(const uint8_t* image, const float* p, const ImageSizes& sizes, Room memory, float* planes) {
  const auto [sourceHeight, sourceWidth, height, width, channels] = sizes;
  float* positions = memory.floats(2 * std::max(height, width));
  const Taps x = memory.taps(Kernel::kTaps * width);
  const Taps y = memory.taps(Kernel::kTaps * height);
  const float* crop = p + at::kCrop;
  const auto axis = [&](float slope, float offset, int64_t count, int64_t size, float low, float high, Taps taps) {
    if constexpr (std::is_same_v<Kernel, Pixelated>) {
      tapsThrough<Padding>(p[at::kCells], slope, offset, count, size, low, high, positions, taps);
    } else {
      for (int64_t i = 0; i < count; i++) positions[i] = slope * static_cast<float>(i) + offset;
      tapsOf<Kernel, Padding>(positions, count, size, low, high, taps);
    }
  };
  axis(p[0], p[2], width, sourceWidth, crop[0], crop[2], x);
  axis(p[4], p[5], height, sourceHeight, crop[1], crop[3], y);

  float* line = memory.floats(sourceWidth * kChannels);
  float* rows = memory.floats(sourceHeight * width * kChannels);
  float* ready = memory.floats(sourceHeight);
  std::fill_n(ready, sourceHeight, 0.0f);
  for (int64_t row = 0; row < height; row++) {
    const float* lines[Kernel::kTaps];
    float weights[Kernel::kTaps];
    for (int t = 0; t < Kernel::kTaps; t++) {
      const int64_t from = y.at[t * height + row];
      lines[t] = rows + from * width * kChannels;
      weights[t] = y.weight[t * height + row];
      if (ready[from] != 0.0f) continue;
      ready[from] = 1.0f;
      toFloats(image + from * sourceWidth * kChannels, sourceWidth * kChannels, line);
      for (int c = 0; c < kChannels; c++) {
        alongX<Kernel, kChannels>(line + c, x.at, x.weight, width, rows + (from * kChannels + c) * width);
      }
    }
    for (int c = 0; c < kChannels; c++) {
      alongY<Kernel>(lines, weights, width, planes + c * height * width + row * width);
      for (auto& each : lines) each += width;
    }
  }
}

template <class Kernel, class Padding, int kChannels>
void turned(const uint8_t* image, const float* p, const ImageSizes& sizes, Room memory, float* planes) {
  float* source = memory.floats(sizes.sourceValues());
  toFloats(image, sizes.sourceValues(), source);
  float* across = memory.floats(kBlock);
  float* down = memory.floats(kBlock);
  const Taps x = memory.taps(Kernel::kTaps * kBlock);
  const Taps y = memory.taps(Kernel::kTaps * kBlock);
  const float* crop = p + at::kCrop;
  const int64_t pixels = sizes.pixels();
  int64_t row = 0;
  int64_t column = 0;
  for (int64_t begin = 0; begin < pixels; begin += kBlock) {
    const int64_t count = std::min(kBlock, pixels - begin);
    for (int64_t i = 0; i < count; i++) {
      const auto u = static_cast<float>(column);
      const auto v = static_cast<float>(row);
      across[i] = p[0] * u + (p[1] * v + p[2]);
      down[i] = p[3] * u + (p[4] * v + p[5]);
      column = column + 1 < sizes.width ? column + 1 : 0;
      row += column == 0;
    }
    tapsOf<Kernel, Padding>(across, count, sizes.sourceWidth, crop[0], crop[2], x);
    tapsOf<Kernel, Padding>(down, count, sizes.sourceHeight, crop[1], crop[3], y);
    for (int c = 0; c < kChannels; c++) {
      alongBoth<Kernel, kChannels>(source + c, static_cast<int32_t>(sizes.sourceWidth), x.at, x.weight, y.at, y.weight,
                                   count, planes + c * pixels + begin);
    }
  }
}

template <class Kernel, class Padding, int kChannels>
void sampleChannels(const uint8_t* image, const float* p, const ImageSizes& sizes, Room memory, float* planes) {
  if constexpr (!std::is_same_v<Kernel, Pixelated>) {
    if (p[1] != 0.0f || p[3] != 0.0f) return turned<Kernel, Padding, kChannels>(image, p, sizes, memory, planes);
  }
  upright<Kernel, Padding, kChannels>(image, p, sizes, memory, planes);
}

template <class Kernel, class Padding>
void sample(const uint8_t* image, const float* parameters, const ImageSizes& sizes, float* memory, float* planes) {
  const float* p = parameters + at::kAffine;
  if (sizes.channels == 1) sampleChannels<Kernel, Padding, 1>(image, p, sizes, {memory}, planes);
  else sampleChannels<Kernel, Padding, 3>(image, p, sizes, {memory}, planes);
}

template <class Kernel>
Sample paddedSample(const std::string& padding) {
  return padding == "zeros"        ? sample<Kernel, Zeros>
         : padding == "border"     ? sample<Kernel, Border>
         : padding == "reflection" ? sample<Kernel, Reflection>
                                   : nullptr;
}

}  // namespace

int64_t sampleMemory(const ImageSizes& sizes) {
  constexpr int64_t kTap = 2 * Bicubic::kTaps;
  const int64_t upright = 2 * std::max(sizes.height, sizes.width) + kTap * (sizes.height + sizes.width) +
                          sizes.sourceWidth * sizes.channels + sizes.sourceHeight * (sizes.width * sizes.channels + 1);
  return std::max(upright, sizes.sourceValues() + (2 + 2 * kTap) * kBlock);
}

Sample sampleOf(const std::string& interpolation, const std::string& padding) {
  return interpolation == "bilinear"    ? paddedSample<Bilinear>(padding)
         : interpolation == "bicubic"   ? paddedSample<Bicubic>(padding)
         : interpolation == "pixelated" ? paddedSample<Pixelated>(padding)
                                        : nullptr;
}

}  // namespace selfsame
