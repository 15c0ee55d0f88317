#include "augment.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "launch.h"
#include "parallel.h"

/**
 * Views of a batch of bytes: sampled, coloured, blurred and normalised image by image, so that an image stays in the
 * cache from its first byte to its last float. Threads take images.
 */
namespace selfsame {
namespace {

/** out[i] = Σ_j weights[|j|] · centre[i + j · step], |j| ≤ radius. */
SELFSAME_CLONES void spread(const float* centre, const float* weights, int64_t radius, int64_t step, int64_t count,
                            float* __restrict out) {
  for (int64_t i = 0; i < count; i++) out[i] = weights[0] * centre[i];
  for (int64_t j = 1; j <= radius; j++) {
    const float weight = weights[j];
    const float* before = centre - j * step;
    const float* after = centre + j * step;
    for (int64_t i = 0; i < count; i++) out[i] += weight * (before[i] + after[i]);
  }
}

int64_t blurMemory(int64_t height, int64_t width, int64_t radius) {
  return radius + 1 + width + 2 * radius + (height + 2 * radius) * width;
}

/** A Gaussian along x and along y, in place; beyond the image the edge is repeated: kernels/augment_blur.wgsl. */
void blur(float* plane, float sigma, int64_t radius, int64_t height, int64_t width, float* memory) {
  float* weights = memory;
  float* line = weights + radius + 1;
  float* rows = line + width + 2 * radius;
  float total = 1.0f;
  weights[0] = 1.0f;
  for (int64_t j = 1; j <= radius; j++) {
    weights[j] = std::exp(-static_cast<float>(j * j) / (2.0f * sigma * sigma));
    total += 2.0f * weights[j];
  }
  for (int64_t j = 0; j <= radius; j++) weights[j] /= total;
  float* inner = rows + radius * width;
  for (int64_t y = 0; y < height; y++) {
    const float* from = plane + y * width;
    std::fill_n(line, radius, from[0]);
    std::copy_n(from, width, line + radius);
    std::fill_n(line + radius + width, radius, from[width - 1]);
    spread(line + radius, weights, radius, 1, width, inner + y * width);
  }
  for (int64_t j = 0; j < radius; j++) {
    std::copy_n(inner, width, rows + j * width);
    std::copy_n(inner + (height - 1) * width, width, inner + (height + j) * width);
  }
  spread(inner, weights, radius, width, height * width, plane);
}

/** What becomes of every image. */
struct Structure {
  ImageSizes sizes;
  Sample sample;
  bool colour;
  Colours colours;
  int64_t radius;
  Finish last;

  int64_t memory() const {
    return std::max(sampleMemory(sizes), blurMemory(sizes.height, sizes.width, radius));
  }

  /** `memory` also holds the planes, first of all. */
  void view(const uint8_t* image, const float* parameters, float* planes, float* out) const {
    const int64_t pixels = sizes.pixels();
    float* memory = planes + pixels * sizes.channels;
    sample(image, parameters, sizes, memory, planes);
    if (colour) adjustColours(parameters, colours, sizes.channels, pixels, planes);
    const float sigma = parameters[at::kBlur];
    for (int c = 0; radius > 0 && sigma > 0.0f && c < sizes.channels; c++) {
      blur(planes + c * pixels, sigma, radius, sizes.height, sizes.width, memory);
    }
    finish(parameters, last, sizes.channels, pixels, planes, out);
  }
};

Contrast contrastOf(Launch& launch) {
  const std::string word = launch.text("contrast");
  if (word == "luma") return Contrast::kLuma;
  if (word == "average") return Contrast::kAverage;
  if (word != "none") launch.refuse("wants contrast to be luma, average or none, got " + word);
  return Contrast::kNone;
}

Standardise standardiseOf(Launch& launch) {
  const std::string word = launch.text("standardise");
  if (word == "mean") return Standardise::kMean;
  if (word == "full") return Standardise::kFull;
  if (word != "none") launch.refuse("wants standardise to be none, mean or full, got " + word);
  return Standardise::kNone;
}

// No image, padding included, is larger: its values are counted in 32 bits.
constexpr int64_t kMostValues = int64_t{1} << 30;

Structure structureOf(Launch& launch) {
  const int64_t channels = launch.size("channels");
  if (channels != 1 && channels != 3) launch.refuse("wants 1 or 3 channels, got " + std::to_string(channels));
  Structure structure;
  structure.sizes = {launch.size("sourceHeight"), launch.size("sourceWidth"), launch.size("height"),
                     launch.size("width"), static_cast<int>(channels)};
  structure.radius = launch.whole("blurRadius");
  const auto& [sourceHeight, sourceWidth, height, width, each] = structure.sizes;
  const int64_t longest = std::max({sourceHeight, sourceWidth, height, width, structure.radius});
  const int64_t most = kMostValues / channels;
  if (longest > most || sourceHeight * sourceWidth > most || sourceHeight * width > most || height * width > most ||
      (height + 2 * structure.radius) * width > most) {
    launch.refuse("wants images of at most " + std::to_string(kMostValues) + " values");
  }
  structure.sample = sampleOf(launch.text("interpolation"), launch.text("padding"));
  if (!structure.sample) {
    launch.refuse("wants interpolation bilinear, bicubic or pixelated and padding zeros, reflection or border");
  }
  structure.colour = launch.flag("colour");
  const std::string hue = launch.text("hue");
  if (hue != "hsv" && hue != "yiq") launch.refuse("wants hue to be hsv or yiq, got " + hue);
  structure.colours = {contrastOf(launch), hue == "yiq", launch.flag("curves")};
  structure.last = {standardiseOf(launch), launch.flag("noise"), {}, {}};
  for (int c = 0; c < each; c++) {
    structure.last.mean[c] = static_cast<float>(launch.number({"mean", c}));
    structure.last.deviation[c] = static_cast<float>(launch.number({"deviation", c}));
  }
  return structure;
}

const Op augment("augment", [](Launch& launch) -> Run {
  const Structure structure = structureOf(launch);
  const ImageSizes& sizes = structure.sizes;
  const int64_t batch = launch.size("batch");
  const int64_t views = launch.size("views");
  const auto* images = launch.in<uint8_t>("images", {batch, sizes.sourceValues()});
  const auto* parameters = launch.in<float>("parameters", {views, batch, kParameters});
  auto* out = launch.out<float>("out", {views, batch, sizes.pixels(), sizes.channels});
  return [=](Scratch& scratch) {
    const ImageSizes& sizes = structure.sizes;
    const int64_t values = sizes.pixels() * sizes.channels;
    // A line apart, so that no two threads write to one.
    const int64_t each = tiles(values + structure.memory(), 16) * 16;
    float* memory = scratch.take<float>(each * omp_get_max_threads());
    parallel(views * batch, tiles(kGrain, 32 * values), [&](int64_t begin, int64_t end) {
      float* mine = memory + each * omp_get_thread_num();
      for (int64_t n = begin; n < end; n++) {
        structure.view(images + n % batch * sizes.sourceValues(), parameters + n * kParameters, mine, out + n * values);
      }
    });
  };
});

}  // namespace
}  // namespace selfsame
