#include <string>

#include "launch.h"
#include "parallel.h"

namespace selfsame {
namespace {

template <class Out>
SELFSAME_CLONES void widen(const uint8_t* x, void* out, int64_t begin, int64_t end) {
  auto* y = static_cast<Out*>(out);
  for (int64_t i = begin; i < end; i++) y[i] = static_cast<Out>(x[i]);
}

/** out[i] = the byte x[i] as a number of another type. */
const Op castBytes("castBytes", [](Launch& launch) -> Run {
  const int64_t count = launch.size("count");
  const std::string to = launch.text("to");
  const auto* x = launch.in<uint8_t>("x", {count});
  void* out = launch.out<uint32_t>("out", {count});
  // A byte has the same bits as either integer.
  const auto run = to == "float32" ? widen<float> : to == "int32" || to == "uint32" ? widen<uint32_t> : nullptr;
  if (!run) launch.refuse("wants to be float32, int32 or uint32, got " + to);
  return [=](Scratch&) { parallel(count, kGrain, [&](int64_t begin, int64_t end) { run(x, out, begin, end); }); };
});

}  // namespace
}  // namespace selfsame
