#include <array>
#include <cstring>
#include <string>

#include "launch.h"
#include "parallel.h"

namespace selfsame {
namespace {

/** (images / 255 − mean) / deviation, channels last. A byte has few values, so each is worked out once. */
const Op normaliseImages("normaliseImages", [](Launch& launch) -> Run {
  const int64_t count = launch.size("count");
  const int64_t channels = launch.size("channels");
  if (channels > 3 || count % channels != 0) {
    launch.refuse("wants 1 to 3 channels that divide the " + std::to_string(count) + " bytes, got " +
                  std::to_string(channels));
  }
  const auto* images = launch.in<uint8_t>("images", {count});
  auto* out = launch.out<float>("out", {count});
  std::array<std::array<float, 256>, 3> values;
  for (int c = 0; c < channels; c++) {
    const auto mean = static_cast<float>(launch.number({"mean", c}));
    const auto deviation = static_cast<float>(launch.number({"deviation", c}));
    for (int byte = 0; byte < 256; byte++) values[c][byte] = (static_cast<float>(byte) / 255.0f - mean) / deviation;
  }
  return [=](Scratch&) {
    parallel(count / channels, kGrain / 4, [&](int64_t begin, int64_t end) {
      for (int64_t pixel = begin; pixel < end; pixel++) {
        for (int64_t c = 0; c < channels; c++) out[pixel * channels + c] = values[c][images[pixel * channels + c]];
      }
    });
  };
});

/** out[b] = page[indices[b] − first] where that is one of the page's images; the others are left as they are. */
const Op gatherImages("gatherImages", [](Launch& launch) -> Run {
  const int64_t batch = launch.size("batch");
  const int64_t imageBytes = launch.size("imageBytes");
  const int64_t first = launch.whole("first");
  const int64_t images = launch.size("images");
  const auto* page = launch.in<uint8_t>("page", {images, imageBytes});
  const auto* indices = launch.in<int32_t>("indices", {batch});
  auto* out = launch.out<uint8_t>("out", {batch, imageBytes});
  return [=](Scratch&) {
    parallel(batch, tiles(4 * kGrain, imageBytes), [&](int64_t begin, int64_t end) {
      for (int64_t b = begin; b < end; b++) {
        const int64_t image = indices[b] - first;
        if (image < 0 || image >= images) continue;
        std::memcpy(out + b * imageBytes, page + image * imageBytes, static_cast<size_t>(imageBytes));
      }
    });
  };
});

}  // namespace
}  // namespace selfsame
