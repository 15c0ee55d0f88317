#include "winograd.h"

#include <algorithm>

#include "parallel.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#define AVX512 __attribute__((target("avx512f")))
#include "winograd_transforms.h"

namespace selfsame::winograd {
namespace {

/** A register tile: 8 rows and 32 columns are 16 sums, enough to hide the latency of the multiply-add. */
constexpr int kRows = 8;
constexpr int kPanel = 2 * kLanes;

/** Tiles of an image, row by row, and images one after the other. */
struct Tiling {
  int64_t down, across, count;

  explicit Tiling(const Sizes& s)
      : down(tiles(s.outHeight, kOut)), across(tiles(s.outWidth, kOut)), count(s.images * down * across) {}
};

/** Pixels of [images, height, width, channels] from (row, column) on, `Side` each way; zeros outside. */
template <int Side>
struct Patch {
  const float* pixels[Side * Side];

  Patch(const float* x, int64_t height, int64_t width, int64_t channels, int64_t image, int64_t row, int64_t column,
        const float* zeros) {
    for (int i = 0; i < Side; i++) {
      for (int j = 0; j < Side; j++) {
        const int64_t y = row + i, z = column + j;
        const bool inside = y >= 0 && y < height && z >= 0 && z < width;
        pixels[i * Side + j] = inside ? x + ((image * height + y) * width + z) * channels : zeros;
      }
    }
  }
};

/** Transforms tiles [begin, end) of an image to points: 36 matrices [end − begin, channels], `pitch` floats apart. */
template <class Transform, int Side>
AVX512 void toPoints(const Sizes& s, const float* x, int64_t height, int64_t width, int64_t channels, int64_t top,
                     int64_t left, int64_t begin, int64_t end, int64_t pitch, const float* zeros, float* points) {
  const Tiling tiling(s);
  for (int64_t tile = begin; tile < end; tile++) {
    const int64_t row = tile / tiling.across % tiling.down * kOut - top;
    const int64_t column = tile % tiling.across * kOut - left;
    const Patch<Side> patch(x, height, width, channels, tile / tiling.across / tiling.down, row, column, zeros);
    float* to = points + (tile - begin) * channels;
    for (int64_t c = 0; c < channels; c += kLanes) {
      Vector in[Side * Side], out[kPoints];
      for (int i = 0; i < Side * Side; i++) in[i] = *reinterpret_cast<const Vector*>(patch.pixels[i] + c);
      alongBoth<Transform, Side, kIn>(in, out);
      for (int i = 0; i < kPoints; i++) *reinterpret_cast<Vector*>(to + i * pitch + c) = out[i];
    }
  }
}

/** Transforms points of tiles [begin, end), `pitch` floats apart, to pixels of the output. */
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
          *reinterpret_cast<Vector*>(to + (i * s.outWidth + j) * s.filters + o) = y[i * kOut + j];
        }
      }
    }
  }
}

/** Where row k, column n of point 0 lies in a matrix [inner, columns] that is stored panel by panel of 32 columns. */
inline int64_t inPanels(int64_t k, int64_t n, int64_t inner, int64_t columns) {
  const int64_t panel = n / kPanel * kPanel;
  return panel * inner + k * std::min<int64_t>(kPanel, columns - panel) + n - panel;
}

/** Transforms rows [begin, end) of a filter [3, 3, inner, columns] to points, each a matrix in panels. */
AVX512 void filterToPoints(const float* filter, int64_t inner, int64_t columns, int64_t begin, int64_t end, int64_t pitch,
                           float* points) {
  for (int64_t k = begin; k < end; k++) {
    for (int64_t n = 0; n < columns; n += kLanes) {
      Vector in[kFilter * kFilter], out[kPoints];
      for (int i = 0; i < kFilter * kFilter; i++) {
        in[i] = *reinterpret_cast<const Vector*>(filter + (i * inner + k) * columns + n);
      }
      alongBoth<FilterToPoints, kFilter, kIn>(in, out);
      float* to = points + inPanels(k, n, inner, columns);
      for (int i = 0; i < kPoints; i++) *reinterpret_cast<Vector*>(to + i * pitch) = out[i];
    }
  }
}

/** Transforms rows [begin, end) of 36 matrices [channels, filters] to the gradient of a filter [3, 3, channels, filters]. */
AVX512 void toFilter(const float* points, int64_t channels, int64_t filters, int64_t begin, int64_t end, int64_t pitch,
                     float* out) {
  for (int64_t c = begin; c < end; c++) {
    for (int64_t o = 0; o < filters; o += kLanes) {
      Vector in[kPoints], g[kFilter * kFilter];
      for (int i = 0; i < kPoints; i++) {
        in[i] = *reinterpret_cast<const Vector*>(points + i * pitch + c * filters + o);
      }
      alongBoth<PointsToFilter, kIn, kFilter>(in, g);
      for (int i = 0; i < kFilter * kFilter; i++) {
        *reinterpret_cast<Vector*>(out + (i * channels + c) * filters + o) = g[i];
      }
    }
  }
}

/**
 * A register tile of 8 rows and 16·Width columns: out (+)= Σ_k a[r, k] · b[k, n]. Rows of a lie `aRow` apart and its
 * columns `aStep`.
 */
template <int Width>
AVX512 inline void registerTile(const float* a, int64_t aRow, int64_t aStep, const float* b, int64_t bRow, int64_t inner,
                                float* out, int64_t outRow, bool accumulate) {
  __m512 sums[kRows][Width];
  for (auto& row : sums) {
    for (auto& sum : row) sum = _mm512_setzero_ps();
  }
  for (int64_t k = 0; k < inner; k++) {
    __m512 right[Width];
    for (int w = 0; w < Width; w++) right[w] = _mm512_loadu_ps(b + k * bRow + w * kLanes);
    for (int r = 0; r < kRows; r++) {
      const __m512 left = _mm512_set1_ps(a[r * aRow + k * aStep]);
      for (int w = 0; w < Width; w++) sums[r][w] = _mm512_fmadd_ps(left, right[w], sums[r][w]);
    }
  }
  for (int r = 0; r < kRows; r++) {
    for (int w = 0; w < Width; w++) {
      float* to = out + r * outRow + w * kLanes;
      _mm512_storeu_ps(to, accumulate ? _mm512_add_ps(_mm512_loadu_ps(to), sums[r][w]) : sums[r][w]);
    }
  }
}

/** out [rows, columns] = a [rows, inner] · b in panels. */
AVX512 void multiply(const float* a, const float* b, int64_t rows, int64_t inner, int64_t columns, float* out) {
  for (int64_t n = 0; n < columns; n += kPanel) {
    const float* panel = b + n * inner;
    for (int64_t row = 0; row < rows; row += kRows) {
      const float* from = a + row * inner;
      float* to = out + row * columns + n;
      if (columns - n >= kPanel) registerTile<2>(from, inner, 1, panel, kPanel, inner, to, columns, false);
      else registerTile<1>(from, inner, 1, panel, kLanes, inner, to, columns, false);
    }
  }
}

/** out [rows, columns] = aᵀ · b, or += it; a [inner, rows], b [inner, columns]. */
AVX512 void multiplyTransposed(const float* a, const float* b, int64_t rows, int64_t inner, int64_t columns, float* out,
                               bool accumulate) {
  for (int64_t n = 0; n < columns; n += kPanel) {
    for (int64_t row = 0; row < rows; row += kRows) {
      float* to = out + row * columns + n;
      if (columns - n >= kPanel) registerTile<2>(a + row, 1, rows, b + n, columns, inner, to, columns, accumulate);
      else registerTile<1>(a + row, 1, rows, b + n, columns, inner, to, columns, accumulate);
    }
  }
}

float* zeroed(Scratch& scratch, int64_t count) {
  float* zeros = scratch.take<float>(count);
  std::fill_n(zeros, count, 0.0f);
  return zeros;
}

// Points of a block of tiles that still lie in the second-level cache when they are multiplied.
constexpr int64_t kBlockBytes = 600'000;
// Points that are summed over at a time: enough products each time the sums are read and written.
constexpr int64_t kSumBytes = 9'600'000;

/**
 * How many floats apart the 36 matrices of the points lie. Their sizes are powers of two times small numbers, and then
 * the 36 places that a transform writes to would compete for a few sets of the cache: a line more spreads them out.
 */
int64_t pitchOf(int64_t rows, int64_t columns) { return rows * columns + kLanes; }

}  // namespace

bool available() { return __builtin_cpu_supports("avx512f"); }

void forward(const Sizes& s, const float* x, const float* filter, float* out, Scratch& scratch) {
  const int64_t inner = s.channels, columns = s.filters;
  const int64_t filterPitch = pitchOf(inner, columns);
  float* weights = scratch.take<float>(kPoints * filterPitch);
  parallel(inner, tiles(kGrain, kPoints * columns),
           [&](int64_t begin, int64_t end) { filterToPoints(filter, inner, columns, begin, end, filterPitch, weights); });

  const Tiling tiling(s);
  const int64_t threads = omp_get_max_threads();
  const int64_t fits = std::clamp<int64_t>(kBlockBytes / (kPoints * 4 * (inner + columns)), 32, 128);
  const int64_t block = tiles(std::min(fits, tiles(tiling.count, threads)), kRows) * kRows;
  const int64_t pitch = pitchOf(block, inner), outPitch = pitchOf(block, columns);
  const int64_t each = kPoints * (pitch + outPitch);
  float* working = scratch.take<float>(threads * each);
  const float* zeros = zeroed(scratch, inner);
  parallel(tiles(tiling.count, block), 1, [&](int64_t first, int64_t last) {
    float* points = working + omp_get_thread_num() * each;
    float* products = points + kPoints * pitch;
    for (int64_t begin = first * block; begin < std::min(last * block, tiling.count); begin += block) {
      const int64_t end = std::min(begin + block, tiling.count);
      toPoints<ImageToPoints, kIn>(s, x, s.height, s.width, inner, s.top, s.left, begin, end, pitch, zeros, points);
      // Rows beyond the last tile hold whatever they did: nobody reads their products.
      const int64_t rows = tiles(end - begin, kRows) * kRows;
      for (int i = 0; i < kPoints; i++) {
        multiply(points + i * pitch, weights + i * filterPitch, rows, inner, columns, products + i * outPitch);
      }
      toOutput(s, products, begin, end, outPitch, out);
    }
  });
}

void backwardData(const Sizes& s, const float* dy, const float* filter, float* dx, Scratch& scratch) {
  // A convolution of dy with the filter turned by 180 degrees, inputs and outputs exchanged.
  float* turned = scratch.take<float>(kFilter * kFilter * s.channels * s.filters);
  parallel(s.channels / kLanes, tiles(kGrain, kFilter * kFilter * kLanes * s.filters), [&](int64_t first, int64_t last) {
    for (int tap = 0; tap < kFilter * kFilter; tap++) {
      const float* from = filter + tap * s.channels * s.filters;
      float* to = turned + (kFilter * kFilter - 1 - tap) * s.channels * s.filters;
      for (int64_t c = first * kLanes; c < last * kLanes; c += kLanes) {
        for (int64_t o = 0; o < s.filters; o++) {
          for (int64_t lane = 0; lane < kLanes; lane++) to[o * s.channels + c + lane] = from[(c + lane) * s.filters + o];
        }
      }
    }
  });
  const Sizes reversed{s.images, s.outHeight, s.outWidth, s.filters,           s.height,
                       s.width,  s.channels,  kFilter - 1 - s.top, kFilter - 1 - s.left};
  forward(reversed, dy, turned, dx, scratch);
}

void backwardFilter(const Sizes& s, const float* x, const float* dy, float* out, Scratch& scratch) {
  const int64_t channels = s.channels, filters = s.filters;
  const Tiling tiling(s);
  const int64_t sumPitch = pitchOf(channels, filters);
  float* sums = scratch.take<float>(kPoints * sumPitch);
  const float* zeros = zeroed(scratch, std::max(channels, filters));
  // Blocks depend on the shape alone, and a point is summed by one thread: the same bits for any number of threads.
  const int64_t fits = std::clamp<int64_t>(kSumBytes / (kPoints * 4 * (channels + filters)), 64, 1024);
  const int64_t block = std::min(fits, tiling.count);
  const int64_t pitch = pitchOf(block, channels), gradientPitch = pitchOf(block, filters);
  float* points = scratch.take<float>(kPoints * pitch);
  float* gradients = scratch.take<float>(kPoints * gradientPitch);
  for (int64_t begin = 0; begin < tiling.count; begin += block) {
    const int64_t size = std::min(block, tiling.count - begin);
    parallel(size, tiles(kGrain, kPoints * (channels + filters)), [&](int64_t first, int64_t last) {
      toPoints<ImageToPoints, kIn>(s, x, s.height, s.width, channels, s.top, s.left, begin + first, begin + last, pitch,
                                   zeros, points + first * channels);
      toPoints<OutputToPoints, kOut>(s, dy, s.outHeight, s.outWidth, filters, 0, 0, begin + first, begin + last,
                                     gradientPitch, zeros, gradients + first * filters);
    });
    parallel(kPoints, tiles(kGrain * 16, size * channels * filters), [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; i++) {
        multiplyTransposed(points + i * pitch, gradients + i * gradientPitch, channels, size, filters,
                           sums + i * sumPitch, begin > 0);
      }
    });
  }
  parallel(channels, tiles(kGrain, kPoints * filters),
           [&](int64_t first, int64_t last) { toFilter(sums, channels, filters, first, last, sumPitch, out); });
}

}  // namespace selfsame::winograd

#else

namespace selfsame::winograd {

bool available() { return false; }
void forward(const Sizes&, const float*, const float*, float*, Scratch&) {}
void backwardData(const Sizes&, const float*, const float*, float*, Scratch&) {}
void backwardFilter(const Sizes&, const float*, const float*, float*, Scratch&) {}

}  // namespace selfsame::winograd

#endif
