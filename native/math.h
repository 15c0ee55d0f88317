#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

/**
 * exp, log and their kin in a form that compilers turn into vector code: no branches, no calls. Errors are a few units
 * in the last place, and the bits are the same on every machine and for every vector width.
 */
namespace selfsame {

inline float fromBits(int32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

inline int32_t bitsOf(float value) {
  int32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

/** 2^n for −126 ≤ n ≤ 127. */
inline float powerOfTwo(int32_t n) { return fromBits((n + 127) << 23); }

/**
 * eˣ: x = n·log 2 + r with |r| ≤ ½ log 2, and a polynomial in r. Coefficients and the split of log 2 are those of the
 * Cephes library (Moshier, 1989), expf.
 */
inline float expOf(float x) {
  const float bounded = x < -104.0f ? -104.0f : x > 89.0f ? 89.0f : x;
  // Adding 1.5·2²³ rounds to the nearest whole number.
  const float n = (bounded * 1.44269504f + 12582912.0f) - 12582912.0f;
  const float r = bounded - n * 0.693359375f + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  // In two factors, because 2ⁿ alone overflows or underflows before eˣ does. A NaN has no n.
  const auto whole = static_cast<int32_t>(n == n ? n : 0.0f);
  const int32_t half = whole >> 1;
  return p * powerOfTwo(half) * powerOfTwo(whole - half);
}

/**
 * log x − shift·log 2 for an x > 0 that is normal: x = 2ⁿ·m with √½ ≤ m < √2, and a polynomial in m − 1. Cephes, logf.
 */
inline float logOfNormal(float x, float shift = 0.0f) {
  // Subtracting the bits of √½ puts the fraction in [√½, √2).
  const int32_t shifted = bitsOf(x) - 0x3f3504f3;
  const float n = static_cast<float>(shifted >> 23) - shift;
  const float m = fromBits((shifted & 0x007fffff) + 0x3f3504f3) - 1.0f;
  const float s = m * m;
  float p = 7.0376836292e-2f;
  p = p * m - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  return m + (p * m * s - 2.12194440e-4f * n - 0.5f * s) + 0.693359375f * n;
}

/** log x for any x. */
inline float logOf(float x) {
  // Below the normal range the exponent says nothing; scale by 2²³ first.
  const bool tiny = x < 1.17549435e-38f;
  const float value = logOfNormal(tiny ? x * 8388608.0f : x, tiny ? 23.0f : 0.0f);
  // 0 → −∞, ∞ → ∞, below 0 and NaN → NaN.
  const float special = x == 0.0f ? -INFINITY : x > 0.0f ? x : NAN;
  return x > 0.0f && x < INFINITY ? value : special;
}

/** log(1 + x), x > −1: what 1 + x rounds away is made up for (Goldberg, 1991, theorem 4). */
inline float logOfOnePlus(float x) {
  const float whole = 1.0f + x;
  return whole == 1.0f || whole == INFINITY ? x : logOf(whole) * (x / (whole - 1.0f));
}

/** tanh x, by its series near 0, where the quotient cancels. Cephes, tanhf. */
inline float tanhOf(float x) {
  const float s = x * x;
  float p = -5.70498872745e-3f;
  p = p * s + 2.06390887954e-2f;
  p = p * s - 5.37397155531e-2f;
  p = p * s + 1.33314422036e-1f;
  p = p * s - 3.33332819422e-1f;
  const float near = p * s * x + x;
  const float size = x < 0.0f ? -x : x;
  const float far = 1.0f - 2.0f / (expOf(2.0f * size) + 1.0f);
  const float signedFar = x < 0.0f ? -far : far;
  return size < 0.625f ? near : signedFar;
}

/**
 * erf(x), |error| < 1.5e-7: Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 7.1.26; below |x| = 0.5
 * the Maclaurin series. The formulas of kernels/lib/special.wgsl.
 */
inline float erfOf(float x) {
  const float s = x * x;
  const float series = 1.0f - s * (1.0f / 3.0f - s * (0.1f - s * (1.0f / 42.0f - s * (1.0f / 216.0f - s / 1320.0f))));
  const float near = 1.1283791671f * x * series;
  const float size = x < 0.0f ? -x : x;
  const float t = 1.0f / (1.0f + 0.3275911f * size);
  float p = 1.061405429f;
  p = p * t - 1.453152027f;
  p = p * t + 1.421413741f;
  p = p * t - 0.284496736f;
  p = p * t + 0.254829592f;
  const float far = 1.0f - p * t * expOf(-s);
  const float signedFar = x < 0.0f ? -far : far;
  return s < 0.25f ? near : signedFar;
}

inline float normalDensityOf(float x) { return 0.3989422804f * expOf(-0.5f * x * x); }
inline float normalDistributionOf(float x) { return 0.5f * (1.0f + erfOf(0.7071067812f * x)); }

/**
 * The standard normal number that a random word stands for: x with Φ(x) = (⌊word / 2⁸⌋ + ½) / 2²⁴, within 5.3 of 0. The
 * formula of kernels/lib/special.wgsl: Giles, "Approximating the erfinv function", 2012.
 */
inline float normalQuantileOf(uint32_t word) {
  const float y = static_cast<float>(2 * static_cast<int32_t>(word >> 8) - 16777215) * 0x1p-24f;
  const float w = -logOf((1.0f - y) * (1.0f + y));
  const float t = w - 2.5f;
  float near = 2.81022636e-8f;
  near = near * t + 3.43273939e-7f;
  near = near * t - 3.5233877e-6f;
  near = near * t - 4.39150654e-6f;
  near = near * t + 2.1858087e-4f;
  near = near * t - 1.25372503e-3f;
  near = near * t - 4.17768164e-3f;
  near = near * t + 0.246640727f;
  near = near * t + 1.50140941f;
  const float s = std::sqrt(w) - 3.0f;
  float far = -2.00214257e-4f;
  far = far * s + 1.00950558e-4f;
  far = far * s + 1.34934322e-3f;
  far = far * s - 3.67342844e-3f;
  far = far * s + 5.73950773e-3f;
  far = far * s - 7.6224613e-3f;
  far = far * s + 9.43887047e-3f;
  far = far * s + 1.00167406f;
  far = far * s + 2.83297682f;
  return 1.41421356f * (w < 5.0f ? near : far) * y;
}

}  // namespace selfsame
