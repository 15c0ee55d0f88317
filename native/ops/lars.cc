#include <algorithm>
#include <cmath>

#include "launch.h"
#include "page.h"

/** Layer-wise adaptive rates: the formulas of kernels/lars*.wgsl. */
namespace selfsame {
namespace {

// Lanes of a sum, whatever the vector width of the machine.
constexpr int kLanes = 16;

struct Squares {
  float weights, gradients;
};

/** (Σ w², Σ (g + λ·w)²) over `count` floats, a multiple of 4. */
SELFSAME_CLONES Squares squaresOf(const float* weights, const float* gradients, float factor, float decay,
                                  int64_t count) {
  float ofWeights[kLanes] = {};
  float ofGradients[kLanes] = {};
  for (int64_t i = 0; i < count; i += kLanes) {
    const int lanes = static_cast<int>(std::min<int64_t>(kLanes, count - i));
    const auto add = [&](int lane) {
      const float weight = weights[i + lane];
      const float gradient = gradients[i + lane] * factor + decay * weight;
      ofWeights[lane] += weight * weight;
      ofGradients[lane] += gradient * gradient;
    };
    if (lanes == kLanes) {
      for (int lane = 0; lane < kLanes; lane++) add(lane);
    } else {
      for (int lane = 0; lane < lanes; lane++) add(lane);
    }
  }
  for (int width = kLanes / 2; width > 0; width /= 2) {
    for (int lane = 0; lane < width; lane++) {
      ofWeights[lane] += ofWeights[lane + width];
      ofGradients[lane] += ofGradients[lane + width];
    }
  }
  return {ofWeights[0], ofGradients[0]};
}

/** Begin and end of a row of a table of pairs, within `most`. */
struct Stretch {
  Stretch(const uint32_t* table, int64_t row, int64_t most)
      : begin(std::min<int64_t>(table[2 * row], most)), end(std::min<int64_t>(table[2 * row + 1], most)) {}
  int64_t begin, end;
};

/**
 * trust[slot] = eeta·‖w‖ / ‖g + λ·w‖, 1 where a norm is 0: sums over stretches of vec4s, then over the stretches of each
 * slot. The stretches come with the launch, so the bits are the same for any number of threads.
 */
const Op larsTrust("larsTrust", [](Launch& launch) -> Run {
  const int64_t rangeCount = launch.size("rangeCount");
  const int64_t slotCount = launch.size("slotCount");
  const int64_t count = launch.bytes("parameters") / 16;
  const auto* weights = launch.in<float>("parameters", {count, 4});
  const auto* gradients = launch.in<float>("gradients", {count, 4});
  const auto* hyper = launch.in<float>("hyper", {4});
  const auto* ranges = launch.in<uint32_t>("ranges", {rangeCount, 2});
  const auto* slots = launch.in<uint32_t>("slots", {slotCount, 2});
  const float* scaling = scalingOf(launch);
  auto* trust = launch.out<float>("trust", {slotCount});
  return [=](Scratch& scratch) {
    const float factor = scaling ? scaling[0] : 1.0f;
    if (factor == 0.0f) return;
    auto* partial = scratch.take<Squares>(rangeCount);
    const int64_t work = tiles(4 * count, rangeCount);
    parallel(rangeCount, tiles(kGrain, work), [&](int64_t begin, int64_t end) {
      for (int64_t c = begin; c < end; c++) {
        const Stretch range(ranges, c, count);
        const int64_t first = 4 * range.begin;
        partial[c] = squaresOf(weights + first, gradients + first, factor, hyper[1], 4 * range.end - first);
      }
    });
    for (int64_t slot = 0; slot < slotCount; slot++) {
      double ofWeights = 0.0;
      double ofGradients = 0.0;
      const Stretch stretch(slots, slot, rangeCount);
      for (int64_t c = stretch.begin; c < stretch.end; c++) {
        ofWeights += partial[c].weights;
        ofGradients += partial[c].gradients;
      }
      const bool adapts = ofWeights > 0.0 && ofGradients > 0.0;
      trust[slot] = adapts ? static_cast<float>(hyper[3] * std::sqrt(ofWeights) / std::sqrt(ofGradients)) : 1.0f;
    }
  };
});

/** v = μ·v + r·(g + λ·w), w −= v. */
SELFSAME_CLONES void descend(float* __restrict weights, float* __restrict momenta, const float* __restrict gradients,
                             float factor, float rate, float decay, float momentum, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    const float moved = momentum * momenta[i] + rate * (gradients[i] * factor + decay * weights[i]);
    momenta[i] = moved;
    weights[i] -= moved;
  }
}

/** hyper = [lr, λ, μ, eeta]; r = lr·trust of the slot that a block of 256 bytes belongs to, r = lr without trust. */
const Op lars("lars", [](Launch& launch) -> Run {
  const int64_t count = launch.size("count");
  const auto* gradients = launch.in<float>("gradients", {count, 4});
  const auto* hyper = launch.in<float>("hyper", {3});
  auto* weights = launch.out<float>("parameters", {count, 4});
  auto* momenta = launch.out<float>("momentum", {count, 4});
  const float* scaling = scalingOf(launch);
  const int64_t slotCount = launch.has("trust") ? launch.bytes("trust") / 4 : 0;
  const auto* trust = slotCount > 0 ? launch.in<float>("trust", {slotCount}) : nullptr;
  const auto* slotOfBlock = trust ? launch.in<uint32_t>("slotOfBlock", {tiles(4 * count, kSlotBlock)}) : nullptr;
  return [=](Scratch&) {
    const float factor = scaling ? scaling[0] : 1.0f;
    if (factor == 0.0f) return;
    overPage(count, [&](int64_t begin, int64_t end) {
      const auto move = [&](int64_t from, int64_t to, float rate) {
        descend(weights + from, momenta + from, gradients + from, factor, rate, hyper[1], hyper[2], to - from);
      };
      const auto slotAt = [&](int64_t at) { return std::min<int64_t>(slotOfBlock[at / kSlotBlock], slotCount - 1); };
      for (int64_t from = begin; from < end;) {
        int64_t to = trust ? from + kSlotBlock : end;
        // A slot is many blocks: one loop over all of them.
        while (to < end && slotAt(to) == slotAt(from)) to += kSlotBlock;
        to = std::min(to, end);
        move(from, to, trust ? hyper[0] * trust[slotAt(from)] : hyper[0]);
        from = to;
      }
    });
  };
});

}  // namespace
}  // namespace selfsame
