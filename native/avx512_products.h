#pragma once
#include <immintrin.h>

#include <algorithm>
#include <cstdint>

/**
 * Products of small matrices in float32 with AVX-512, of one thread. Included by files that define AVX512 as the
 * attribute of a function that may use it. Columns are multiples of 16.
 */
namespace selfsame::avx512 {

constexpr int kLanes = 16;
/** A register tile: 8 rows and 32 columns are 16 sums, enough to hide the latency of the multiply-add. */
constexpr int kRows = 8;
constexpr int kPanel = 2 * kLanes;

/** Where row k, column n lies in a matrix [inner, columns] that is stored panel by panel of 32 columns. */
inline int64_t inPanels(int64_t k, int64_t n, int64_t inner, int64_t columns) {
  const int64_t panel = n / kPanel * kPanel;
  return panel * inner + k * std::min<int64_t>(kPanel, columns - panel) + n - panel;
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

/** out [rows, columns] = a [rows, inner] · b in panels; rows a multiple of 8. */
AVX512 inline void multiply(const float* a, const float* b, int64_t rows, int64_t inner, int64_t columns, float* out) {
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

/** out [rows, columns] = aᵀ · b, or += it; a [inner, rows], b [inner, columns], rows a multiple of 8. */
AVX512 inline void multiplyTransposed(const float* a, const float* b, int64_t rows, int64_t inner, int64_t columns,
                                      float* out, bool accumulate) {
  for (int64_t n = 0; n < columns; n += kPanel) {
    for (int64_t row = 0; row < rows; row += kRows) {
      float* to = out + row * columns + n;
      if (columns - n >= kPanel) registerTile<2>(a + row, 1, rows, b + n, columns, inner, to, columns, accumulate);
      else registerTile<1>(a + row, 1, rows, b + n, columns, inner, to, columns, accumulate);
    }
  }
}

}  // namespace selfsame::avx512
