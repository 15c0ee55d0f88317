#pragma once
#include <algorithm>

#include "launch.h"
#include "parallel.h"

namespace selfsame {

/** Floats in the 256 bytes that the slots of an arena are aligned to. */
constexpr int64_t kSlotBlock = 64;

/** What gradients are multiplied by, where the loss was scaled; a step is skipped where that is 0. */
inline const float* scalingOf(Launch& launch) {
  return launch.has("scaling") ? launch.in<float>("scaling", {1}) : nullptr;
}

/** Runs body(begin, end) over parts of a page of `count` vec4s, in floats; a part begins at a multiple of 256 bytes. */
template <class Body>
void overPage(int64_t count, const Body& body) {
  parallel(tiles(4 * count, kSlotBlock), kGrain / kSlotBlock, [&](int64_t begin, int64_t end) {
    body(begin * kSlotBlock, std::min(end * kSlotBlock, 4 * count));
  });
}

}  // namespace selfsame
