#pragma once
#include <cmath>
#include <cstdint>

/**
 * Sums and maxima over a row in a fixed number of lanes, whatever the vector width of the machine: the same bits
 * everywhere. To be called from functions with SELFSAME_CLONES, into which they are compiled.
 */
#if defined(__GNUC__)
#define SELFSAME_INLINE inline __attribute__((always_inline))
#else
#define SELFSAME_INLINE inline
#endif

namespace selfsame {

constexpr int kLanes = 16;

/** ⊕ of(i) over i < count, from `none`. */
template <class Combine, class Of>
SELFSAME_INLINE float reduceLanes(int64_t count, float none, const Combine& combine, const Of& of) {
  float lanes[kLanes];
  for (float& lane : lanes) lane = none;
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int lane = 0; lane < kLanes; lane++) lanes[lane] = combine(lanes[lane], of(i + lane));
  }
  for (int lane = 0; i + lane < count; lane++) lanes[lane] = combine(lanes[lane], of(i + lane));
  for (int width = kLanes / 2; width > 0; width /= 2) {
    for (int lane = 0; lane < width; lane++) lanes[lane] = combine(lanes[lane], lanes[lane + width]);
  }
  return lanes[0];
}

/** Σ of(i) over i < count. */
template <class Of>
SELFSAME_INLINE float sumLanes(int64_t count, const Of& of) {
  return reduceLanes(count, 0.0f, [](float total, float value) { return total + value; }, of);
}

/** The largest x[i], i < count. */
SELFSAME_INLINE float maxLanes(int64_t count, const float* x) {
  return reduceLanes(
      count, -INFINITY, [](float most, float value) { return value > most ? value : most; },
      [x](int64_t i) { return x[i]; });
}

}  // namespace selfsame
