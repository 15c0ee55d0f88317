#include "launch.h"
#include "page.h"

namespace selfsame {
namespace {

template <bool kNesterov>
SELFSAME_CLONES void descend(float* __restrict weights, float* __restrict momenta, const float* __restrict gradients,
                             const float* hyper, float factor, int64_t count) {
  const float rate = hyper[0];
  const float decay = hyper[1];
  const float momentum = hyper[2];
  for (int64_t i = 0; i < count; i++) {
    const float gradient = gradients[i] * factor + decay * weights[i];
    const float moved = momentum * momenta[i] + gradient;
    momenta[i] = moved;
    weights[i] -= rate * (kNesterov ? gradient + momentum * moved : moved);
  }
}

/** g' = g + λ·w, v = μ·v + g', w −= lr·v (Nesterov: lr·(g' + μ·v)); hyper = [lr, λ, μ]. */
const Op sgd("sgd", [](Launch& launch) -> Run {
  const int64_t count = launch.size("count");
  const auto run = launch.flag("nesterov") ? descend<true> : descend<false>;
  const auto* gradients = launch.in<float>("gradients", {count, 4});
  const auto* hyper = launch.in<float>("hyper", {3});
  const float* scaling = scalingOf(launch);
  auto* weights = launch.out<float>("parameters", {count, 4});
  auto* momenta = launch.out<float>("momentum", {count, 4});
  return [=](Scratch&) {
    const float factor = scaling ? scaling[0] : 1.0f;
    if (factor == 0.0f) return;
    overPage(count, [&](int64_t begin, int64_t end) {
      run(weights + begin, momenta + begin, gradients + begin, hyper, factor, end - begin);
    });
  };
});

}  // namespace
}  // namespace selfsame
