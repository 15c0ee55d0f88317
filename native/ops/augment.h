#pragma once
#include <cstdint>
#include <string>

namespace selfsame {

/** The numbers of one image of one view, laid out as src/ops/augment.ts says. */
namespace at {
constexpr int kAffine = 0;
constexpr int kGreyscale = 6;
constexpr int kSolarise = 7;
constexpr int kCrop = 8;
constexpr int kOrder = 12;
constexpr int kFactors = 16;
constexpr int kRotation = 20;
constexpr int kBlur = 22;
}  // namespace at
constexpr int64_t kParameters = 24;

/** Sizes in pixels; images are [height, width, channels] with 1 or 3 channels, planes [channels, height, width]. */
struct ImageSizes {
  int64_t sourceHeight, sourceWidth, height, width;
  int channels;
  int64_t sourceValues() const { return sourceHeight * sourceWidth * channels; }
  int64_t pixels() const { return height * width; }
};

/** How many floats of working memory a `Sample` needs. */
int64_t sampleMemory(const ImageSizes& sizes);

/** Reads the bytes of an image, as numbers in [0, 1], through the affine map of its parameters. */
using Sample = void (*)(const uint8_t* image, const float* parameters, const ImageSizes& sizes, float* memory,
                        float* planes);

/** Nothing for a word that is none. The formulas are those of kernels/augment_sample.wgsl. */
Sample sampleOf(const std::string& interpolation, const std::string& padding);

/** What a contrast adjustment blends with. */
enum class Contrast { kLuma, kAverage, kNone };

/** The colour adjustments of one image in its own order, then greyscale: kernels/augment_colour.wgsl. */
void adjustColours(const float* parameters, Contrast contrast, bool yiq, int channels, int64_t pixels, float* planes);

/** Inverts what is at least `threshold`, normalises, and puts the channels side by side. */
void finish(const float* planes, float threshold, const float* mean, const float* deviation, int channels,
            int64_t pixels, float* out);

}  // namespace selfsame
