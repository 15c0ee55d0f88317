#include <cstring>

#include "launch.h"
#include "parallel.h"

namespace selfsame {
namespace {

SELFSAME_CLONES void fillWords(uint32_t* out, uint32_t bits, int64_t count) {
  for (int64_t i = 0; i < count; i++) out[i] = bits;
}

SELFSAME_CLONES void addTo(float* to, const float* from, int64_t count) {
  for (int64_t i = 0; i < count; i++) to[i] += from[i];
}

/** Sets `count` 32-bit words to `bits`. */
const Op fill("fill", [](Launch& launch) -> Run {
  const int64_t count = launch.size("count");
  const auto bits = static_cast<uint32_t>(launch.whole("bits"));
  auto* out = launch.out<uint32_t>("out", {count});
  return [=](Scratch&) {
    parallel(count, kGrain, [&](int64_t begin, int64_t end) { fillWords(out + begin, bits, end - begin); });
  };
});

/** to = from, or to += from. */
const Op copyInto("copyInto", [](Launch& launch) -> Run {
  const int64_t count = launch.size("count");
  const bool accumulate = launch.flag("accumulate");
  const auto* from = launch.in<float>("from", {count});
  auto* to = launch.out<float>("to", {count});
  return [=](Scratch&) {
    parallel(count, kGrain, [&](int64_t begin, int64_t end) {
      if (accumulate) addTo(to + begin, from + begin, end - begin);
      else std::memcpy(to + begin, from + begin, sizeof(float) * static_cast<size_t>(end - begin));
    });
  };
});

}  // namespace
}  // namespace selfsame
