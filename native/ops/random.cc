#include <algorithm>

#include "launch.h"
#include "math.h"
#include "parallel.h"
#include "philox.h"

/** Random words whose place in their stream is in memory: kernels/random.wgsl and kernels/dropout.wgsl. */
namespace selfsame {
namespace {

/** Simple operations that a random word is worth. */
constexpr int64_t kWork = 8;

/** Words 64·group … 64·group + 63 of the stream; state = seed low, high, stream low, high, block low, high. */
SELFSAME_CLONES void wordsOf(const uint32_t* state, int64_t group, uint32_t* words) {
  uint32_t c[4][kPhiloxBlocks];
  const uint64_t first = (uint64_t{state[5]} << 32 | state[4]) + static_cast<uint64_t>(group) * kPhiloxBlocks;
  for (int lane = 0; lane < kPhiloxBlocks; lane++) {
    const uint64_t block = first + static_cast<uint64_t>(lane);
    c[0][lane] = static_cast<uint32_t>(block);
    c[1][lane] = static_cast<uint32_t>(block >> 32);
    c[2][lane] = state[2];
    c[3][lane] = state[3];
  }
  philox(c, state[0], state[1]);
  for (int lane = 0; lane < kPhiloxBlocks; lane++) {
    for (int j = 0; j < 4; j++) words[4 * lane + j] = c[j][lane];
  }
}

/** body(begin, words) for every 64 words of the stream, those of elements begin …. */
template <class Body>
void forWords(const uint32_t* state, int64_t count, const Body& body) {
  parallel(tiles(count, kPhiloxWords), tiles(kGrain, kWork * kPhiloxWords), [&](int64_t from, int64_t to) {
    alignas(64) uint32_t words[kPhiloxWords];
    for (int64_t group = from; group < to; group++) {
      wordsOf(state, group, words);
      body(group * kPhiloxWords, words);
    }
  });
}

const Op random("random", [](Launch& launch) -> Run {
  const int64_t count = launch.size("count");
  const bool uniform = launch.flag("uniform");
  const auto* state = launch.in<uint32_t>("state", {6});
  auto* out = launch.out<uint32_t>("out", {count});
  return [=](Scratch&) {
    forWords(state, count, [&](int64_t begin, const uint32_t* words) {
      const int64_t size = std::min<int64_t>(kPhiloxWords, count - begin);
      for (int64_t i = 0; i < size; i++) {
        out[begin + i] = uniform ? static_cast<uint32_t>(bitsOf(uniformOf(words[i]))) : words[i];
      }
    });
  };
});

/** Keeps these numbers apart from those of every Generator on the host, whose counters end in a stream's name. */
constexpr uint32_t kTag = 0x64726f70u;

SELFSAME_CLONES void drop(const float* x, const uint32_t* words, float threshold, float scale, int64_t count,
                          float* y) {
#pragma omp simd
  for (int64_t i = 0; i < count; i++) {
    const float kept = x[i] * scale;
    y[i] = uniformOf(words[i]) >= threshold ? kept : 0.0f;
  }
}

const Op dropout("dropout", [](Launch& launch) -> Run {
  const int64_t count = launch.size("count");
  const double probability = launch.number("probability");
  const int64_t stream = launch.whole("stream");
  if (!(probability >= 0 && probability < 1)) launch.refuse("wants a probability from 0 to below 1");
  if (stream > UINT32_MAX) launch.refuse("wants a stream below 2^32");
  if (count > (int64_t{4} << 32)) launch.refuse("wants at most 2^34 elements");
  const auto* x = launch.in<float>("x", {count});
  const auto* state = launch.in<uint32_t>("state", {4});
  auto* y = launch.out<float>("y", {count});
  const auto threshold = static_cast<float>(probability);
  const auto scale = static_cast<float>(1 / (1 - probability));
  return [=](Scratch&) {
    // The counter is (block, step, stream, tag).
    const uint32_t place[6] = {state[0], state[1], static_cast<uint32_t>(stream), kTag, 0, state[2]};
    forWords(place, count, [&](int64_t begin, const uint32_t* words) {
      drop(x + begin, words, threshold, scale, std::min<int64_t>(kPhiloxWords, count - begin), y + begin);
    });
  };
});

}  // namespace
}  // namespace selfsame
