#include "bfloat16_filter.h"

#include <algorithm>

#include "parallel.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#define AVX512_BF16 __attribute__((target("avx512f,avx512bw,avx512bf16")))

/**
 * With images packed to pairs of neighbouring outputs j and j + 1, all of an image's pixels under one tap of the filter
 * follow one another in memory, and the gradient under the tap is a matrix product over them:
 *   out[s, t] [channels, filters] = Σ_k x̂[s, t] [k, channels]ᵀ · dŷ [k, filters],   k over images, rows and pairs.
 */
namespace selfsame::bfloat16 {
namespace {

constexpr int kLanes = 16;
// A register tile of 8 channels and 32 filters: 16 sums hide the latency of the dot product.
constexpr int kRows = 8;
constexpr int kPanel = 2 * kLanes;
// Filters of a task. A task sums up its own images: half of the second-level cache for the sums of 256 channels.
constexpr int64_t kFilters = 64;
// Tasks at least, where there are as many images: enough for many threads, few enough to be added up quickly.
constexpr int64_t kTasks = 16;
// What is packed before it is multiplied, so that it still lies in the second-level cache then.
constexpr int64_t kBlockBytes = 300'000;

int64_t floorDivide(int64_t a, int64_t b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }

/**
 * Where a row of the image lies: tap s of output row i reads row i · stride + s − top, which is row i + ahead(s) of those
 * whose number has the remainder phase(s). So output rows that follow one another read rows that do.
 */
struct Packing {
  explicit Packing(const Sizes& s)
      : pairs(tiles(s.outWidth, 2)),
        first(floorDivide(-s.top, s.strideY)),
        rows(s.outHeight + floorDivide(s.kernelHeight - 1 - s.top, s.strideY) - first),
        line(pairs * s.channels),
        image(s.kernelWidth * s.strideY * rows * line),
        s(s) {}

  int64_t pairs, first, rows, line;
  /** Pairs of an image: [kernelWidth, strideY, rows, pairs, channels]. */
  int64_t image;
  const Sizes& s;

  /** Where the pairs of output row 0 under tap (row, column) begin. */
  int64_t tap(int64_t row, int64_t column) const {
    const int64_t at = row - s.top;
    const int64_t ahead = floorDivide(at, s.strideY);
    const int64_t phase = at - ahead * s.strideY;
    return ((column * s.strideY + phase) * rows + ahead - first) * line;
  }
};

/** Rounds `count` numbers of two rows to pairs. */
AVX512_BF16 inline void pack(const float* low, const float* high, int64_t count, uint32_t* to) {
  const __m512i interleave = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                                              21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  for (int64_t i = 0; i < count; i += kLanes) {
    const auto halves = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(_mm512_loadu_ps(high + i), _mm512_loadu_ps(low + i)));
    _mm512_storeu_si512(to + i, _mm512_permutexvar_epi16(interleave, halves));
  }
}

AVX512_BF16 void packImage(const Packing& p, const float* x, const float* zeros, uint32_t* to) {
  const Sizes& s = p.s;
  for (int64_t column = 0; column < s.kernelWidth; column++) {
    for (int64_t phase = 0; phase < s.strideY; phase++) {
      for (int64_t row = 0; row < p.rows; row++) {
        const int64_t y = (row + p.first) * s.strideY + phase;
        const float* line = y >= 0 && y < s.height ? x + y * s.width * s.channels : nullptr;
        const auto pixel = [&](int64_t output) {
          const int64_t z = output * s.strideX + column - s.left;
          return line && output < s.outWidth && z >= 0 && z < s.width ? line + z * s.channels : zeros;
        };
        for (int64_t pair = 0; pair < p.pairs; pair++, to += s.channels) {
          pack(pixel(2 * pair), pixel(2 * pair + 1), s.channels, to);
        }
      }
    }
  }
}

/** Filters [begin, begin + count) of an image's gradient, to [outHeight, pairs, count]. */
AVX512_BF16 void packGradient(const Packing& p, const float* dy, int64_t begin, int64_t count, const float* zeros,
                              uint32_t* to) {
  const Sizes& s = p.s;
  for (int64_t row = 0; row < s.outHeight; row++) {
    const float* line = dy + row * s.outWidth * s.filters + begin;
    for (int64_t pair = 0; pair < p.pairs; pair++, to += count) {
      const float* low = line + 2 * pair * s.filters;
      pack(low, 2 * pair + 1 < s.outWidth ? low + s.filters : zeros, count, to);
    }
  }
}

/** Images that follow one another in memory, and where in each of them the pairs begin. */
struct Pairs {
  const uint32_t* data;
  int64_t image, columns;
};

/** A register tile of 8 rows and 16·Width columns of out (+)= Σ_k aᵀ · b, k over `images` times `steps` pairs. */
template <int Width>
AVX512_BF16 inline void registerTile(const Pairs& a, const Pairs& b, int64_t images, int64_t steps, float* out,
                                     int64_t outRow, bool accumulate) {
  __m512 sums[kRows][Width];
  for (int r = 0; r < kRows; r++) {
    for (int w = 0; w < Width; w++) {
      sums[r][w] = accumulate ? _mm512_loadu_ps(out + r * outRow + w * kLanes) : _mm512_setzero_ps();
    }
  }
  for (int64_t image = 0; image < images; image++) {
    const uint32_t* left = a.data + image * a.image;
    const uint32_t* right = b.data + image * b.image;
    for (int64_t k = 0; k < steps; k++, left += a.columns, right += b.columns) {
      __m512bh columns[Width];
      for (int w = 0; w < Width; w++) {
        columns[w] = reinterpret_cast<__m512bh>(_mm512_loadu_si512(right + w * kLanes));
      }
      for (int r = 0; r < kRows; r++) {
        const auto row = reinterpret_cast<__m512bh>(_mm512_set1_epi32(static_cast<int>(left[r])));
        for (int w = 0; w < Width; w++) sums[r][w] = _mm512_dpbf16_ps(sums[r][w], row, columns[w]);
      }
    }
  }
  for (int r = 0; r < kRows; r++) {
    for (int w = 0; w < Width; w++) _mm512_storeu_ps(out + r * outRow + w * kLanes, sums[r][w]);
  }
}

/** Adds `images` packed images to sums [kernelHeight, kernelWidth, channels, filters]. */
AVX512_BF16 void multiply(const Packing& p, const uint32_t* x, const uint32_t* dy, int64_t filters, int64_t images,
                          bool accumulate, float* sums) {
  const Sizes& s = p.s;
  const int64_t steps = s.outHeight * p.pairs;
  for (int64_t tap = 0; tap < s.kernelHeight * s.kernelWidth; tap++) {
    const uint32_t* under = x + p.tap(tap / s.kernelWidth, tap % s.kernelWidth);
    for (int64_t n = 0; n < filters; n += kPanel) {
      const Pairs right{dy + n, steps * filters, filters};
      for (int64_t c = 0; c < s.channels; c += kRows) {
        const Pairs left{under + c, p.image, s.channels};
        float* to = sums + (tap * s.channels + c) * filters + n;
        if (filters - n >= kPanel) registerTile<2>(left, right, images, steps, to, filters, accumulate);
        else registerTile<1>(left, right, images, steps, to, filters, accumulate);
      }
    }
  }
}

}  // namespace

bool available() { return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw"); }

void backwardFilter(const Sizes& s, const float* x, const float* dy, float* out, Scratch& scratch) {
  const Packing p(s);
  // Tasks depend on the shape alone: the same bits for any number of threads.
  const int64_t blocks = tiles(s.filters, kFilters);
  const int64_t parts = std::min(tiles(kTasks, blocks), s.images);
  const int64_t rows = s.kernelHeight * s.kernelWidth * s.channels;
  const int64_t gradient = s.outHeight * p.pairs * std::min(kFilters, s.filters);
  const int64_t block = std::clamp<int64_t>(kBlockBytes / (4 * (p.image + gradient)), 1, tiles(s.images, parts));
  const int64_t each = block * (p.image + gradient);
  auto* working = scratch.take<uint32_t>(omp_get_max_threads() * each);
  float* sums = scratch.take<float>(parts * rows * s.filters);
  float* zeros = scratch.take<float>(std::max(s.channels, kFilters));
  std::fill_n(zeros, std::max(s.channels, kFilters), 0.0f);

  parallel(parts * blocks, 1, [&](int64_t from, int64_t to) {
    uint32_t* packed = working + omp_get_thread_num() * each;
    for (int64_t task = from; task < to; task++) {
      const int64_t part = task / blocks, filter = task % blocks * kFilters;
      const int64_t filters = std::min(kFilters, s.filters - filter);
      const int64_t first = s.images * part / parts, last = s.images * (part + 1) / parts;
      // The sums of a task lie together: [kernelHeight, kernelWidth, channels, its filters].
      float* sum = sums + (part * s.filters + filter) * rows;
      for (int64_t begin = first; begin < last; begin += block) {
        const int64_t count = std::min(block, last - begin);
        uint32_t* gradients = packed + block * p.image;
        const int64_t each = s.outHeight * p.pairs * filters;
        for (int64_t i = 0; i < count; i++) {
          packImage(p, x + (begin + i) * s.height * s.width * s.channels, zeros, packed + i * p.image);
          packGradient(p, dy + (begin + i) * s.outHeight * s.outWidth * s.filters, filter, filters, zeros,
                       gradients + i * each);
        }
        multiply(p, packed, gradients, filters, count, begin > first, sum);
      }
    }
  });

  parallel(rows, tiles(kGrain, s.filters * parts), [&](int64_t from, int64_t to) {
    for (int64_t row = from; row < to; row++) {
      for (int64_t filter = 0; filter < s.filters; filter += kFilters) {
        const int64_t filters = std::min(kFilters, s.filters - filter);
        for (int64_t n = 0; n < filters; n++) {
          float total = 0;
          for (int64_t part = 0; part < parts; part++) {
            total += sums[(part * s.filters + filter) * rows + row * filters + n];
          }
          out[row * s.filters + filter + n] = total;
        }
      }
    }
  });
}

}  // namespace selfsame::bfloat16

#else

namespace selfsame::bfloat16 {

bool available() { return false; }
void backwardFilter(const Sizes&, const float*, const float*, float*, Scratch&) {}

}  // namespace selfsame::bfloat16

#endif
