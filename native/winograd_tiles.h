#pragma once
#include <algorithm>
#include <cstdint>

#include "avx512_products.h"
#include "parallel.h"
#include "stream.h"
#include "winograd.h"
#include "winograd_transforms.h"

/** Images and filters to points and back: what surrounds the products of winograd.cc, which alone includes it. */
namespace selfsame::winograd {

/** Tiles of an image, row by row, and images one after the other. */
struct Tiling {
  int64_t down, across, count;

  explicit Tiling(const Sizes& s)
      : down(tiles(s.outHeight, kOut)), across(tiles(s.outWidth, kOut)), count(s.images * down * across) {}
};

/** Images whose pixels are channels-last, and how far before the first one their first tile begins. */
struct Images {
  const float* data;
  int64_t height, width, channels, top, left;
  /** As many zeros as a tile has columns, for its rows outside the image. */
  const float* zeros;
};

/** Transforms tiles [begin, end) of images to points: 36 matrices [end − begin, channels], `pitch` floats apart. */
template <class Transform, int Side>
AVX512 void toPoints(const Tiling& tiling, const Images& images, int64_t begin, int64_t end, int64_t pitch,
                     float* points) {
  const int64_t channels = images.channels;
  const int64_t line = images.width * channels;
  for (int64_t tile = begin; tile < end; tile++) {
    const int64_t image = tile / tiling.across / tiling.down;
    const int64_t row = tile / tiling.across % tiling.down * kOut - images.top;
    const int64_t column = tile % tiling.across * kOut - images.left;
    const float* from = images.data + ((image * images.height + row) * images.width + column) * channels;
    // The pixels that the tile below adds: the processor sees too late that memory is read in such blocks. Fetching
    // them took a quarter off a whole convolution of 32 channels.
    for (int i = 0; i < kOut; i++) {
      for (int64_t c = 0; c < kOut * channels; c += kLanes) {
        _mm_prefetch(from + (Side - 1 + i) * line + c, _MM_HINT_T1);
      }
    }
    const float* rows[Side];
    for (int i = 0; i < Side; i++) {
      rows[i] = row + i >= 0 && row + i < images.height ? from + i * line : images.zeros;
    }
    const auto first = static_cast<int>(std::max<int64_t>(0, -column));
    const auto last = static_cast<int>(std::min<int64_t>(Side, images.width - column));
    float* to = points + (tile - begin) * channels;
    for (int64_t c = 0; c < channels; c += kLanes) {
      Vector half[kIn][Side];
      for (int j = 0; j < Side; j++) {
        Vector in[Side], out[kIn] = {};
        if (j >= first && j < last) {
          for (int i = 0; i < Side; i++) in[i] = *reinterpret_cast<const Vector*>(rows[i] + j * channels + c);
          Transform::of(in, out);
        }
        for (int i = 0; i < kIn; i++) half[i][j] = out[i];
      }
      for (int i = 0; i < kIn; i++) {
        Vector out[kIn];
        Transform::of(half[i], out);
        for (int j = 0; j < kIn; j++) *reinterpret_cast<Vector*>(to + (i * kIn + j) * pitch + c) = out[j];
      }
    }
  }
}

/**
 * Transforms points of tiles [begin, end), `pitch` floats apart, to pixels of the output, past the cache if `Stream`: that
 * took 14 % off a convolution with an output of 50 MB.
 */
template <bool Stream>
AVX512 void toOutput(const Sizes& s, const float* points, int64_t begin, int64_t end, int64_t pitch, float* out) {
  const Tiling tiling(s);
  for (int64_t tile = begin; tile < end; tile++) {
    const int64_t row = tile / tiling.across % tiling.down * kOut;
    const int64_t column = tile % tiling.across * kOut;
    const int64_t image = tile / tiling.across / tiling.down;
    const int64_t rows = std::min<int64_t>(kOut, s.outHeight - row);
    const int64_t columns = std::min<int64_t>(kOut, s.outWidth - column);
    const float* from = points + (tile - begin) * s.filters;
    float* to = out + ((image * s.outHeight + row) * s.outWidth + column) * s.filters;
    for (int64_t o = 0; o < s.filters; o += kLanes) {
      Vector in[kPoints], y[kOut * kOut];
      for (int i = 0; i < kPoints; i++) in[i] = *reinterpret_cast<const Vector*>(from + i * pitch + o);
      alongBoth<PointsToOutput, kIn, kOut>(in, y);
      for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < columns; j++) {
          float* pixel = to + (i * s.outWidth + j) * s.filters + o;
          if constexpr (Stream) _mm512_stream_ps(pixel, reinterpret_cast<__m512>(y[i * kOut + j]));
          else *reinterpret_cast<Vector*>(pixel) = y[i * kOut + j];
        }
      }
    }
  }
  if constexpr (Stream) streamed();
}

/** Transforms rows [begin, end) of a filter [3, 3, inner, columns] to points, each a matrix in panels. */
AVX512 inline void filterToPoints(const float* filter, int64_t inner, int64_t columns, int64_t begin, int64_t end,
                                  int64_t pitch, float* points) {
  for (int64_t k = begin; k < end; k++) {
    for (int64_t n = 0; n < columns; n += kLanes) {
      Vector in[kFilter * kFilter], out[kPoints];
      for (int i = 0; i < kFilter * kFilter; i++) {
        in[i] = *reinterpret_cast<const Vector*>(filter + (i * inner + k) * columns + n);
      }
      alongBoth<FilterToPoints, kFilter, kIn>(in, out);
      float* to = points + avx512::inPanels(k, n, inner, columns);
      for (int i = 0; i < kPoints; i++) *reinterpret_cast<Vector*>(to + i * pitch) = out[i];
    }
  }
}

/**
 * Adds up `parts` sets of 36 matrices [channels, filters], `pitch` floats apart, and transforms rows [begin, end) to the
 * gradient of a filter [3, 3, channels, filters].
 */
AVX512 inline void toFilter(const float* points, int64_t parts, int64_t channels, int64_t filters, int64_t begin,
                            int64_t end, int64_t pitch, float* out) {
  for (int64_t c = begin; c < end; c++) {
    for (int64_t o = 0; o < filters; o += kLanes) {
      Vector in[kPoints], g[kFilter * kFilter];
      for (int i = 0; i < kPoints; i++) {
        const float* from = points + i * pitch + c * filters + o;
        in[i] = *reinterpret_cast<const Vector*>(from);
        for (int64_t part = 1; part < parts; part++) {
          in[i] += *reinterpret_cast<const Vector*>(from + part * kPoints * pitch);
        }
      }
      alongBoth<PointsToFilter, kIn, kFilter>(in, g);
      for (int i = 0; i < kFilter * kFilter; i++) {
        *reinterpret_cast<Vector*>(out + (i * channels + c) * filters + o) = g[i];
      }
    }
  }
}

}  // namespace selfsame::winograd
