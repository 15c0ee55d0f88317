#pragma once
#include <array>
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
constexpr int kCells = 23;
constexpr int kNoise = 24;
constexpr int kKey = 25;
constexpr int kKept = 27;
constexpr int kCurve = 28;
constexpr int kMatrix = 36;
}  // namespace at
constexpr int64_t kParameters = 48;

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

/** Which colour adjustments there are. */
struct Colours {
  Contrast contrast;
  /** The hue is turned in the I,Q plane instead of in HSV. */
  bool yiq;
  /** The matrix and the curve may occur. */
  bool curves;
};

/** The colour adjustments of one image in its own order, then greyscale: kernels/augment_colour.wgsl. */
void adjustColours(const float* parameters, const Colours& colours, int channels, int64_t pixels, float* planes);

/** What a view is normalised by: the data set's numbers, its own mean, or its own mean and deviation. */
enum class Standardise { kNone, kMean, kFull };

struct Finish {
  Standardise standardise;
  bool noise;
  std::array<float, 3> mean, deviation;
};

/** Inverts what is at least the threshold, normalises, adds noise, and puts the channels side by side. */
void finish(const float* parameters, const Finish& how, int channels, int64_t pixels, float* planes, float* out);

}  // namespace selfsame
