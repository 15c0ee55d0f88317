#pragma once
#include "math.h"

/** Choices without branches, for loops that are to become vector code. */
namespace selfsame {

/** yes or no, both worked out. A plain ?: lets the compiler skip one of them, by a branch. */
inline float choose(bool condition, float yes, float no) {
  const int32_t mask = -static_cast<int32_t>(condition);
  return fromBits((bitsOf(yes) & mask) | (bitsOf(no) & ~mask));
}

/** x within [low, high]; low for a NaN. */
inline float bound(float x, float low, float high) {
  const float above = choose(x > low, x, low);
  return choose(above < high, above, high);
}

/** Beyond this a float no longer tells whole numbers apart; within it it converts to an integer. */
constexpr float kFar = 16777216.0f;

/** ⌊x⌋ for |x| ≤ kFar. */
inline float floorOf(float x) {
  const auto cut = static_cast<float>(static_cast<int32_t>(x));
  return cut - choose(cut > x, 1.0f, 0.0f);
}

}  // namespace selfsame
