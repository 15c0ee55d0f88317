#include "launch.h"
#include "page.h"

namespace selfsame {
namespace {

SELFSAME_CLONES void average(float* __restrict target, const float* __restrict source, float keep, float take,
                             int64_t count) {
  for (int64_t i = 0; i < count; i++) target[i] = keep * target[i] + take * source[i];
}

/** target = hyper[0]·target + hyper[1]·source over a page of `count` vec4s. */
const Op ema("ema", [](Launch& launch) -> Run {
  const int64_t count = launch.size("count");
  const auto* source = launch.in<float>("source", {count, 4});
  const auto* hyper = launch.in<float>("hyper", {2});
  auto* target = launch.out<float>("target", {count, 4});
  return [=](Scratch&) {
    overPage(count, [&](int64_t begin, int64_t end) {
      average(target + begin, source + begin, hyper[0], hyper[1], end - begin);
    });
  };
});

}  // namespace
}  // namespace selfsame
