#include "winograd.h"

#include <algorithm>

#include "parallel.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#define AVX512 __attribute__((target("avx512f")))
#include "winograd_tiles.h"

namespace selfsame::winograd {
namespace {

using avx512::kRows;

float* zeroed(Scratch& scratch, int64_t count) {
  float* zeros = scratch.take<float>(count);
  std::fill_n(zeros, count, 0.0f);
  return zeros;
}

// Points of a block of tiles that still lie in the second-level cache when they are multiplied, beside the pixels that
// stream through it; where products are summed up as well, more tiles a block, as the sums are read and written for each.
constexpr int64_t kBlockBytes = 300'000;
constexpr int64_t kSumBlockBytes = 600'000;
// Sums of all parts of the tiles together; with fewer parts than that there is too little for many threads to do.
constexpr int64_t kPartsBytes = 5'000'000;
constexpr int64_t kLeastParts = 4;
// Points that are summed over at a time where there are no parts.
constexpr int64_t kSharedBytes = 9'600'000;

int64_t blockOf(int64_t bytes, int64_t channels, int64_t filters, int64_t least, int64_t most) {
  return std::clamp<int64_t>(bytes / (kPoints * 4 * (channels + filters)), least, most);
}

/**
 * How many floats apart the 36 matrices of the points lie. Their sizes are powers of two times small numbers, and then
 * the 36 places that a transform writes to would compete for a few sets of the cache: a line more spreads them out.
 */
int64_t pitchOf(int64_t rows, int64_t columns) { return rows * columns + kLanes; }

/** Points of x and of dy for blocks of tiles, and what is summed over them: the gradient of the filter in points. */
struct FilterSums {
  FilterSums(const Sizes& s, const float* x, const float* dy, int64_t block, Scratch& scratch)
      : tiling(s),
        x{x, s.height, s.width, s.channels, s.top, s.left, zeroed(scratch, kIn * s.channels)},
        dy{dy, s.outHeight, s.outWidth, s.filters, 0, 0, zeroed(scratch, kIn * s.filters)},
        pitch(pitchOf(block, s.channels)),
        gradientPitch(pitchOf(block, s.filters)),
        sumPitch(pitchOf(s.channels, s.filters)) {}

  Tiling tiling;
  Images x, dy;
  int64_t pitch, gradientPitch, sumPitch;

  /** Floats for the points of a block. */
  int64_t each() const { return kPoints * (pitch + gradientPitch); }

  /** Transforms tiles [first, last) of the block that begins at `begin`. */
  void transform(int64_t begin, int64_t first, int64_t last, float* points) const {
    toPoints<ImageToPoints, kIn>(tiling, x, first, last, pitch, points + (first - begin) * x.channels);
    toPoints<OutputToPoints, kOut>(tiling, dy, first, last, gradientPitch,
                                   points + kPoints * pitch + (first - begin) * dy.channels);
  }

  /** Adds the products of a block of `size` tiles to points [first, last) of the sums. */
  void add(const float* points, int64_t size, int64_t first, int64_t last, bool accumulate, float* sums) const {
    const float* gradients = points + kPoints * pitch;
    for (int64_t i = first; i < last; i++) {
      avx512::multiplyTransposed(points + i * pitch, gradients + i * gradientPitch, x.channels, size, dy.channels,
                                 sums + i * sumPitch, accumulate);
    }
  }
};

/** Few channels: parts of the tiles have sums of their own, and each is one thread's from beginning to end. */
float* sumParts(const Sizes& s, const float* x, const float* dy, int64_t parts, Scratch& scratch) {
  const int64_t block = blockOf(kSumBlockBytes, s.channels, s.filters, 16, 128);
  const FilterSums f(s, x, dy, block, scratch);
  float* sums = scratch.take<float>(parts * kPoints * f.sumPitch);
  float* working = scratch.take<float>(omp_get_max_threads() * f.each());
  parallel(parts, 1, [&](int64_t first, int64_t last) {
    float* points = working + omp_get_thread_num() * f.each();
    for (int64_t part = first; part < last; part++) {
      const int64_t from = f.tiling.count * part / parts, to = f.tiling.count * (part + 1) / parts;
      for (int64_t begin = from; begin < to; begin += block) {
        const int64_t end = std::min(begin + block, to);
        f.transform(begin, begin, end, points);
        f.add(points, end - begin, 0, kPoints, begin > from, sums + part * kPoints * f.sumPitch);
      }
    }
  });
  return sums;
}

/** Many channels: one set of sums, whose points are divided among the threads. */
float* sumTogether(const Sizes& s, const float* x, const float* dy, Scratch& scratch) {
  const int64_t block = std::min(blockOf(kSharedBytes, s.channels, s.filters, 64, 1024), Tiling(s).count);
  const FilterSums f(s, x, dy, block, scratch);
  float* sums = scratch.take<float>(kPoints * f.sumPitch);
  float* points = scratch.take<float>(f.each());
  for (int64_t begin = 0; begin < f.tiling.count; begin += block) {
    const int64_t size = std::min(block, f.tiling.count - begin);
    parallel(size, tiles(kGrain, kPoints * (s.channels + s.filters)),
             [&](int64_t first, int64_t last) { f.transform(begin, begin + first, begin + last, points); });
    parallel(kPoints, tiles(kGrain * 16, size * s.channels * s.filters),
             [&](int64_t first, int64_t last) { f.add(points, size, first, last, begin > 0, sums); });
  }
  return sums;
}

}  // namespace

bool available() { return __builtin_cpu_supports("avx512f"); }

void forward(const Sizes& s, const float* x, const float* filter, float* out, Scratch& scratch) {
  const int64_t inner = s.channels, columns = s.filters;
  const int64_t filterPitch = pitchOf(inner, columns);
  float* weights = scratch.take<float>(kPoints * filterPitch);
  parallel(inner, tiles(kGrain, kPoints * columns),
           [&](int64_t begin, int64_t end) { filterToPoints(filter, inner, columns, begin, end, filterPitch, weights); });

  const Tiling tiling(s);
  const Images images{x, s.height, s.width, inner, s.top, s.left, zeroed(scratch, kIn * inner)};
  const int64_t threads = omp_get_max_threads();
  const int64_t fits = blockOf(kBlockBytes, inner, columns, 32, 128);
  const int64_t block = tiles(std::min(fits, tiles(tiling.count, threads)), kRows) * kRows;
  const int64_t pitch = pitchOf(block, inner), outPitch = pitchOf(block, columns);
  const int64_t each = kPoints * (pitch + outPitch);
  float* working = scratch.take<float>(threads * each);
  const auto toPixels = streams(4 * s.images * s.outHeight * s.outWidth * columns) ? toOutput<true> : toOutput<false>;
  parallel(tiles(tiling.count, block), 1, [&](int64_t first, int64_t last) {
    float* points = working + omp_get_thread_num() * each;
    float* products = points + kPoints * pitch;
    for (int64_t begin = first * block; begin < std::min(last * block, tiling.count); begin += block) {
      const int64_t end = std::min(begin + block, tiling.count);
      toPoints<ImageToPoints, kIn>(tiling, images, begin, end, pitch, points);
      // Rows beyond the last tile hold whatever they did: nobody reads their products.
      const int64_t rows = tiles(end - begin, kRows) * kRows;
      for (int i = 0; i < kPoints; i++) {
        avx512::multiply(points + i * pitch, weights + i * filterPitch, rows, inner, columns, products + i * outPitch);
      }
      toPixels(s, products, begin, end, outPitch, out);
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
  // Parts and blocks depend on the shape alone, and a point is summed by one thread: the same bits for any number of
  // threads.
  const int64_t pitch = pitchOf(s.channels, s.filters);
  const int64_t fit = std::min<int64_t>(kPartsBytes / (kPoints * 4 * pitch), tiles(Tiling(s).count, 256));
  const int64_t parts = fit < kLeastParts ? 1 : fit;
  const float* sums = parts > 1 ? sumParts(s, x, dy, parts, scratch) : sumTogether(s, x, dy, scratch);
  parallel(s.channels, tiles(kGrain, kPoints * s.filters * parts), [&](int64_t first, int64_t last) {
    toFilter(sums, parts, s.channels, s.filters, first, last, pitch, out);
  });
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
