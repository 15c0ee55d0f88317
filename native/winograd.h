#pragma once
#include <cstdint>

#include "memory.h"

/**
 * Convolution with 3×3 filters at stride 1 by Winograd's F(4×4, 3×3) (Lavin & Gray, Fast algorithms for convolutional
 * neural networks, 2016): a tile of 4×4 outputs costs 36 products instead of 144. Images stay channels-last throughout.
 * Rounding errors are about five times those of direct convolution: 1e-6 relative in the L2 norm.
 */
namespace selfsame::winograd {

struct Sizes {
  int64_t images, height, width, channels, outHeight, outWidth, filters;
  /** Rows and columns of zeros before the image; what follows it is read as zeros as far as the output reaches. */
  int64_t top, left;
};

/** Whether this processor has AVX-512. Without it nothing below may be called. */
bool available();

// Channels and filters are multiples of 16. The result does not depend on the number of threads.

/** out [images, outHeight, outWidth, filters] from x [images, height, width, channels]; filter [3, 3, channels, filters]. */
void forward(const Sizes& sizes, const float* x, const float* filter, float* out, Scratch& scratch);
/** The gradient of x from dy, the gradient of out; top and left at most 2. */
void backwardData(const Sizes& sizes, const float* dy, const float* filter, float* dx, Scratch& scratch);
/** The gradient of the filter. */
void backwardFilter(const Sizes& sizes, const float* x, const float* dy, float* out, Scratch& scratch);

}  // namespace selfsame::winograd
