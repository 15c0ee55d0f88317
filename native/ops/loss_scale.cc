#include <algorithm>
#include <atomic>

#include "launch.h"
#include "page.h"

/** Whether a step's gradients are finite, and what follows: kernels/find_overflow.wgsl and advance_loss_scale.wgsl. */
namespace selfsame {
namespace {

/** Whether all bits of an exponent are set. */
SELFSAME_CLONES bool overflows(const uint32_t* bits, int64_t count) {
  uint32_t largest = 0;
  for (int64_t i = 0; i < count; i++) largest = std::max(largest, bits[i] & 0x7fffffffu);
  return largest >= 0x7f800000u;
}

const Op findOverflow("findOverflow", [](Launch& launch) -> Run {
  const int64_t count = launch.size("count");
  const auto* gradients = launch.in<uint32_t>("gradients", {count, 4});
  auto* found = launch.out<uint32_t>("found", {1});
  return [=](Scratch&) {
    std::atomic<bool> any{false};
    overPage(count, [&](int64_t begin, int64_t end) {
      if (overflows(gradients + begin, end - begin)) any = true;
    });
    if (any) found[0] = 1;
  };
});

const Op advanceLossScale("advanceLossScale", [](Launch& launch) -> Run {
  const int64_t interval = launch.size("interval");
  auto* found = launch.out<uint32_t>("found", {1});
  auto* scale = launch.out<float>("scale", {1});
  auto* goodSteps = launch.out<uint32_t>("goodSteps", {1});
  auto* factor = launch.out<float>("factor", {1});
  return [=](Scratch&) {
    const float now = scale[0];
    if (found[0] != 0) {
      factor[0] = 0.0f;
      scale[0] = std::max(0.5f * now, 0x1p-126f);
      goodSteps[0] = 0;
      found[0] = 0;
      return;
    }
    factor[0] = 1.0f / now;
    if (++goodSteps[0] < interval) return;
    goodSteps[0] = 0;
    scale[0] = std::min(2.0f * now, 0x1p126f);
  };
});

}  // namespace
}  // namespace selfsame
