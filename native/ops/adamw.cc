#include <cmath>

#include "launch.h"
#include "page.h"

namespace selfsame {
namespace {

SELFSAME_CLONES void update(float* __restrict weights, float* __restrict means, float* __restrict squares,
                            const float* __restrict gradients, const float* hyper, float factor, int64_t count) {
  const float decay = hyper[0];
  const float rate = hyper[1];
  const float scale = hyper[2];
  const float epsilon = hyper[3];
  const float keepMean = hyper[4];
  const float takeMean = hyper[5];
  const float keepSquare = hyper[6];
  const float takeSquare = hyper[7];
  for (int64_t i = 0; i < count; i++) {
    const float gradient = gradients[i] * factor;
    const float mean = keepMean * means[i] + takeMean * gradient;
    const float square = keepSquare * squares[i] + takeSquare * gradient * gradient;
    means[i] = mean;
    squares[i] = square;
    weights[i] -= decay * weights[i] + rate * mean / (std::sqrt(square) * scale + epsilon);
  }
}

/**
 * m = β1·m + (1 − β1)·g, v = β2·v + (1 − β2)·g², w −= lr·λ·w + a·m / (√v·b + ε);
 * hyper = [lr·λ, a = lr / (1 − β1^t), b = 1 / √(1 − β2^t), ε, β1, 1 − β1, β2, 1 − β2].
 */
const Op adamw("adamw", [](Launch& launch) -> Run {
  const int64_t count = launch.size("count");
  const auto* gradients = launch.in<float>("gradients", {count, 4});
  const auto* hyper = launch.in<float>("hyper", {8});
  const float* scaling = scalingOf(launch);
  auto* weights = launch.out<float>("parameters", {count, 4});
  auto* means = launch.out<float>("mean", {count, 4});
  auto* squares = launch.out<float>("square", {count, 4});
  return [=](Scratch&) {
    const float factor = scaling ? scaling[0] : 1.0f;
    if (factor == 0.0f) return;
    overPage(count, [&](int64_t begin, int64_t end) {
      update(weights + begin, means + begin, squares + begin, gradients + begin, hyper, factor, end - begin);
    });
  };
});

}  // namespace
}  // namespace selfsame
