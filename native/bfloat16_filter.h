#pragma once
#include <cstdint>

#include "memory.h"

/**
 * The gradient of a convolution's filter with operands rounded to bfloat16 and sums in float32, for processors with
 * AVX512_BF16, whose dot product takes pairs of numbers. oneDNN 2.6 is no faster than float32 here: it lacks an
 * implementation of many shapes, and passes over both images first to round them.
 */
namespace selfsame::bfloat16 {

struct Sizes {
  int64_t images, height, width, channels, outHeight, outWidth, filters, kernelHeight, kernelWidth;
  int64_t strideY, strideX;
  /** Rows and columns of zeros before the image; what follows it is read as zeros as far as the output reaches. */
  int64_t top, left;
};

/** Whether this processor has the instructions. Without them nothing below may be called. */
bool available();

/**
 * out [kernelHeight, kernelWidth, channels, filters] from x [images, height, width, channels] and dy [images, outHeight,
 * outWidth, filters]. Channels and filters are multiples of 16. The result does not depend on the number of threads.
 */
void backwardFilter(const Sizes& sizes, const float* x, const float* dy, float* out, Scratch& scratch);

}  // namespace selfsame::bfloat16
