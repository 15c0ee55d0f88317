#include <algorithm>

#include "augment.h"
#include "branchless.h"
#include "lanes.h"
#include "parallel.h"

namespace selfsame {
namespace {

inline float unit(float x) { return bound(x, 0.0f, 1.0f); }

/** Brightness as the eye sees it (ITU-R BT.601). */
inline float lumaOf(float r, float g, float b) { return 0.299f * r + 0.587f * g + 0.114f * b; }

SELFSAME_CLONES void brighten(float* x, int64_t count, float factor) {
  for (int64_t i = 0; i < count; i++) x[i] = unit(x[i] * factor);
}

SELFSAME_CLONES void blend(float* x, int64_t count, float factor, float mean) {
  for (int64_t i = 0; i < count; i++) x[i] = unit((x[i] - mean) * factor + mean);
}

SELFSAME_CLONES void saturate(float* __restrict r, float* __restrict g, float* __restrict b, int64_t count,
                              float factor) {
  for (int64_t i = 0; i < count; i++) {
    const float grey = lumaOf(r[i], g[i], b[i]);
    r[i] = unit(grey + (r[i] - grey) * factor);
    g[i] = unit(grey + (g[i] - grey) * factor);
    b[i] = unit(grey + (b[i] - grey) * factor);
  }
}

SELFSAME_CLONES void turnGrey(float* __restrict r, float* __restrict g, float* __restrict b, int64_t count) {
  for (int64_t i = 0; i < count; i++) r[i] = g[i] = b[i] = lumaOf(r[i], g[i], b[i]);
}

/** One channel of a colour whose hue is `k` sextants on: value − chroma · clamp(min(k, 4 − k), 0, 1), k mod 6. */
inline float channelOf(float k, float value, float chroma) {
  // A shift by very many turns would not convert to an integer.
  const float wrapped = k - 6.0f * floorOf(bound(k / 6.0f, -kFar, kFar));
  const float other = 4.0f - wrapped;
  return unit(value - chroma * unit(choose(wrapped < other, wrapped, other)));
}

/** Turns the hue by `turns` of a full circle, in hue, saturation and value (Smith 1978), as torchvision does. */
SELFSAME_CLONES void turnHsv(float* __restrict r, float* __restrict g, float* __restrict b, int64_t count,
                             float turns) {
  const float shift = 6.0f * turns;
  for (int64_t i = 0; i < count; i++) {
    const float x = r[i];
    const float y = g[i];
    const float z = b[i];
    const float most = choose(y > z, y, z);
    const float least = choose(y < z, y, z);
    const float value = choose(x > most, x, most);
    const float chroma = value - choose(x < least, x, least);
    // Where it is 0 all channels are `value`, whatever the hue.
    const float divisor = choose(chroma == 0.0f, 1.0f, chroma);
    const float byRed = (y - z) / divisor;
    const float byGreen = 2.0f + (z - x) / divisor;
    const float byBlue = 4.0f + (x - y) / divisor;
    const float notRed = choose(y == value, byGreen, byBlue);
    const float sextant = choose(x == value, byRed, notRed);
    r[i] = channelOf(5.0f + sextant + shift, value, chroma);
    g[i] = channelOf(3.0f + sextant + shift, value, chroma);
    b[i] = channelOf(1.0f + sextant + shift, value, chroma);
  }
}

/** Turns the I,Q plane of YIQ: inverse(T) · R · T, with the inverse of these rounded coefficients. */
SELFSAME_CLONES void turnYiq(float* __restrict r, float* __restrict g, float* __restrict b, int64_t count,
                             float cosine, float sine) {
  for (int64_t i = 0; i < count; i++) {
    const float y = lumaOf(r[i], g[i], b[i]);
    const float in = 0.596f * r[i] + -0.274f * g[i] + -0.321f * b[i];
    const float quadrature = 0.211f * r[i] + -0.523f * g[i] + 0.311f * b[i];
    const float u = cosine * in - sine * quadrature;
    const float v = sine * in + cosine * quadrature;
    r[i] = unit(0.9996643205f * y + 0.9565411897f * u + 0.6208617021f * v);
    g[i] = unit(0.9996248232f * y + -0.2722745032f * u + -0.6474512713f * v);
    b[i] = unit(1.0028122538f * y + -1.1068480906f * u + 1.7054056784f * v);
  }
}

/** Σ of three planes, weighted, side by side in lanes and at last across them: the same bits on every machine. */
SELFSAME_CLONES double weightedSum(const float* r, const float* g, const float* b, int64_t count, float red,
                                   float green, float blue) {
  double lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int lane = 0; lane < kLanes; lane++) {
      lanes[lane] += static_cast<double>(red * r[i + lane] + green * g[i + lane] + blue * b[i + lane]);
    }
  }
  for (int lane = 0; i + lane < count; lane++) {
    lanes[lane] += static_cast<double>(red * r[i + lane] + green * g[i + lane] + blue * b[i + lane]);
  }
  double total = 0.0;
  for (const double lane : lanes) total += lane;
  return total;
}

float meanOf(const float* planes, Contrast contrast, int channels, int64_t pixels) {
  const float* g = channels == 3 ? planes + pixels : planes;
  const float* b = channels == 3 ? planes + 2 * pixels : planes;
  const double count = static_cast<double>(pixels);
  if (channels == 1) return static_cast<float>(weightedSum(planes, g, b, pixels, 1.0f, 0.0f, 0.0f) / count);
  if (contrast == Contrast::kLuma) {
    return static_cast<float>(weightedSum(planes, g, b, pixels, 0.299f, 0.587f, 0.114f) / count);
  }
  return static_cast<float>(weightedSum(planes, g, b, pixels, 1.0f, 1.0f, 1.0f) / (3.0 * count));
}

/** weights[0]·r + weights[1]·g + weights[2]·b + weights[3] */
inline float mixed(const float* weights, float r, float g, float b) {
  return weights[0] * r + weights[1] * g + weights[2] * b + weights[3];
}

/** Every channel a weighted sum of all and a summand. */
SELFSAME_CLONES void mix(float* __restrict r, float* __restrict g, float* __restrict b, int64_t count,
                         const float* matrix) {
  float rows[12];
  std::copy_n(matrix, 12, rows);
  for (int64_t i = 0; i < count; i++) {
    const float red = r[i];
    const float green = g[i];
    const float blue = b[i];
    r[i] = mixed(rows, red, green, blue);
    g[i] = mixed(rows + 4, red, green, blue);
    b[i] = mixed(rows + 8, red, green, blue);
  }
}

SELFSAME_CLONES void scale(float* x, int64_t count, float factor, float summand) {
  for (int64_t i = 0; i < count; i++) x[i] = factor * x[i] + summand;
}

/** factor · x^power + summand for x in [0, 1]; 0 is 0 to any power here. */
inline float curved(float x, float power, float factor, float summand) {
  const float raised = choose(x > 0.0f, expOf(power * logOf(x)), 0.0f);
  return unit(factor * raised + summand);
}

SELFSAME_CLONES void bendGrey(float* x, int64_t count, const float* value) {
  const float power = value[0];
  const float factor = value[1];
  const float summand = value[2];
  for (int64_t i = 0; i < count; i++) x[i] = curved(unit(x[i]), power, factor, summand);
}

/** The curves of saturation and value; every channel keeps its place between the largest and the smallest. */
SELFSAME_CLONES void bend(float* __restrict r, float* __restrict g, float* __restrict b, int64_t count,
                          const float* curve) {
  float how[6];
  std::copy_n(curve, 6, how);
  for (int64_t i = 0; i < count; i++) {
    const float x = unit(r[i]);
    const float y = unit(g[i]);
    const float z = unit(b[i]);
    const float most = choose(y > z, y, z);
    const float least = choose(y < z, y, z);
    const float value = choose(x > most, x, most);
    const float chroma = value - choose(x < least, x, least);
    // A grey pixel has no hue that a saturation could be given to, and stays grey: all its channels are `value`.
    const bool grey = chroma == 0.0f;
    const float saturation = curved(chroma / choose(grey, 1.0f, value), how[0], how[1], how[2]);
    const float bent = curved(value, how[3], how[4], how[5]);
    const float span = bent * saturation / choose(grey, 1.0f, chroma);
    r[i] = bent - span * (value - x);
    g[i] = bent - span * (value - y);
    b[i] = bent - span * (value - z);
  }
}

}  // namespace

void adjustColours(const float* parameters, const Colours& colours, int channels, int64_t pixels, float* planes) {
  const auto [contrast, yiq, curves] = colours;
  const float* factors = parameters + at::kFactors;
  const float* rotation = parameters + at::kRotation;
  const bool rgb = channels == 3;
  float* r = planes;
  float* g = planes + pixels;
  float* b = planes + 2 * pixels;
  // Of the image as the first contrast finds it.
  float mean = 0.0f;
  bool known = contrast == Contrast::kNone;
  for (int k = 0; k < 4; k++) {
    const float code = parameters[at::kOrder + k];
    if (!(code >= 1.0f && code < (curves ? 7.0f : 5.0f))) continue;
    switch (static_cast<int>(code)) {
      case 1:
        brighten(planes, channels * pixels, factors[0]);
        break;
      case 2:
        if (!known) mean = meanOf(planes, contrast, channels, pixels);
        known = true;
        blend(planes, channels * pixels, factors[1], mean);
        break;
      case 3:
        if (rgb) saturate(r, g, b, pixels, factors[2]);
        break;
      case 5:
        if (rgb) mix(r, g, b, pixels, parameters + at::kMatrix);
        else scale(planes, pixels, parameters[at::kMatrix], parameters[at::kMatrix + 3]);
        break;
      case 6:
        if (rgb) bend(r, g, b, pixels, parameters + at::kCurve);
        else bendGrey(planes, pixels, parameters + at::kCurve + 3);
        break;
      default:
        if (rgb && yiq) turnYiq(r, g, b, pixels, rotation[0], rotation[1]);
        else if (rgb) turnHsv(r, g, b, pixels, factors[3]);
    }
  }
  if (rgb && parameters[at::kGreyscale] != 0.0f) turnGrey(r, g, b, pixels);
}

}  // namespace selfsame
