#include <algorithm>
#include <array>
#include <cmath>

#include "augment.h"
#include "branchless.h"
#include "parallel.h"
#include "philox.h"

namespace selfsame {
namespace {

/** Keeps these random numbers apart from those of the host's generators and of dropout: kernels/lib/view.wgsl. */
constexpr uint32_t kTag = 0x6e6f6973u;

inline float solarised(float value, float threshold) { return choose(value >= threshold, 1.0f - value, value); }

SELFSAME_CLONES void solarise(float* x, float threshold, int64_t count) {
  for (int64_t i = 0; i < count; i++) x[i] = solarised(x[i], threshold);
}

/** The threshold and the normalisation of one value. */
inline float finished(float value, float threshold, float mean, float deviation) {
  return (solarised(value, threshold) - mean) / deviation;
}

SELFSAME_CLONES void finishGrey(const float* x, float threshold, float mean, float deviation, int64_t pixels,
                                float* __restrict out) {
  for (int64_t i = 0; i < pixels; i++) out[i] = finished(x[i], threshold, mean, deviation);
}

SELFSAME_CLONES void finishColours(const float* r, const float* g, const float* b, float threshold,
                                   const float* mean, const float* deviation, int64_t pixels, float* __restrict out) {
  const float means[3] = {mean[0], mean[1], mean[2]};
  const float deviations[3] = {deviation[0], deviation[1], deviation[2]};
  for (int64_t i = 0; i < pixels; i++) {
    out[3 * i] = finished(r[i], threshold, means[0], deviations[0]);
    out[3 * i + 1] = finished(g[i], threshold, means[1], deviations[1]);
    out[3 * i + 2] = finished(b[i], threshold, means[2], deviations[2]);
  }
}

/** Σ (x − centre)^(1 or 2), side by side in lanes and at last across them: the same bits on every machine. */
template <bool kSquares>
SELFSAME_CLONES double sumAbout(const float* x, double centre, int64_t count) {
  double lanes[kLanes] = {};
  for (int64_t begin = 0; begin < count; begin += kLanes) {
    const int64_t size = std::min<int64_t>(kLanes, count - begin);
    for (int64_t lane = 0; lane < size; lane++) {
      const double away = static_cast<double>(x[begin + lane]) - centre;
      lanes[lane] += kSquares ? away * away : away;
    }
  }
  double total = 0.0;
  for (const double lane : lanes) total += lane;
  return total;
}

/** out[i, c] += sigma[c] · the normal number of pixel i and channel c. */
template <int kChannels>
SELFSAME_CLONES void addNoise(const float* key, const float* sigma, int64_t pixels, float* out) {
  const auto low = static_cast<uint32_t>(bound(key[0], 0.0f, kFar));
  const auto high = static_cast<uint32_t>(bound(key[1], 0.0f, kFar));
  for (int64_t begin = 0; begin < pixels; begin += kPhiloxBlocks) {
    uint32_t words[4][kPhiloxBlocks];
    for (int lane = 0; lane < kPhiloxBlocks; lane++) {
      words[0][lane] = static_cast<uint32_t>(begin + lane);
      words[1][lane] = words[2][lane] = 0;
      words[3][lane] = kTag;
    }
    philox(words, low, high);
    const int64_t size = std::min<int64_t>(kPhiloxBlocks, pixels - begin);
    for (int c = 0; c < kChannels; c++) {
      float normal[kPhiloxBlocks];
      for (int lane = 0; lane < kPhiloxBlocks; lane++) normal[lane] = normalQuantileOf(words[c][lane]);
      float* to = out + begin * kChannels + c;
      for (int64_t lane = 0; lane < size; lane++) to[lane * kChannels] += sigma[c] * normal[lane];
    }
  }
}

/** What the channels of one image are normalised by, and the σ of their noise. */
struct Numbers {
  std::array<float, 3> mean, deviation, sigma;
};

/** A view's own mean, and deviation, in place of the data set's: kernels/augment_standardise.wgsl. */
void useOwnMoments(bool full, float kept, int channels, int64_t pixels, float* planes, Numbers& numbers) {
  auto& [mean, deviation, sigma] = numbers;
  std::array<float, 3> own;
  const double count = static_cast<double>(pixels);
  for (int c = 0; c < channels; c++) {
    const float* plane = planes + c * pixels;
    const double centre = sumAbout<false>(plane, 0.0, pixels) / count;
    mean[c] = static_cast<float>(centre);
    own[c] = static_cast<float>(std::sqrt(sumAbout<true>(plane, centre, pixels) / count));
    if (full) deviation[c] = std::max(own[c], 1.0f / 255.0f);
  }
  if (channels == 1 || !(kept >= 1.0f && kept < 4.0f)) return;
  const int channel = static_cast<int>(kept) - 1;
  for (int c = 0; c < channels; c++) {
    if (c == channel) continue;
    std::fill_n(planes + c * pixels, pixels, mean[c]);
    sigma[c] += 0.01f * own[channel] / deviation[channel];
  }
}

}  // namespace

void finish(const float* parameters, const Finish& how, int channels, int64_t pixels, float* planes, float* out) {
  float threshold = parameters[at::kSolarise];
  const float noise = parameters[at::kNoise];
  Numbers numbers = {how.mean, how.deviation, {noise, noise, noise}};
  if (how.standardise != Standardise::kNone) {
    // First, because it changes the mean.
    solarise(planes, threshold, channels * pixels);
    threshold = INFINITY;
    const bool full = how.standardise == Standardise::kFull;
    useOwnMoments(full, how.noise ? parameters[at::kKept] : 0.0f, channels, pixels, planes, numbers);
  }
  const auto& [mean, deviation, sigma] = numbers;
  const float* key = parameters + at::kKey;
  if (channels == 1) {
    finishGrey(planes, threshold, mean[0], deviation[0], pixels, out);
    if (how.noise) addNoise<1>(key, sigma.data(), pixels, out);
  } else {
    const float* g = planes + pixels;
    finishColours(planes, g, g + pixels, threshold, mean.data(), deviation.data(), pixels, out);
    if (how.noise) addNoise<3>(key, sigma.data(), pixels, out);
  }
}

}  // namespace selfsame
