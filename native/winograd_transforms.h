#pragma once
#include "avx512_products.h"

/**
 * The transforms of Winograd's F(4×4, 3×3), for 16 channels at a time (Lavin & Gray, 2016, section 4.3, and their
 * transposes for the gradient of the filter). Included by winograd.cc alone, where AVX512 is the attribute of a function
 * that may use AVX-512.
 */
namespace selfsame::winograd {

/** 16 channels. */
typedef float Vector __attribute__((vector_size(64)));

constexpr int kLanes = avx512::kLanes;
/** Outputs of a tile along an axis, taps of the filter, and inputs of a tile, which are as many as points. */
constexpr int kOut = 4;
constexpr int kFilter = 3;
constexpr int kIn = 6;
/** Matrix products. */
constexpr int kPoints = kIn * kIn;

// The five transforms of the paper, along one axis.

/** Bᵀ: image → points. */
struct ImageToPoints {
  AVX512 static inline void of(const Vector* d, Vector* v) {
    v[0] = 4.0f * d[0] - 5.0f * d[2] + d[4];
    const Vector a = d[4] - 4.0f * d[2];
    const Vector b = d[3] - 4.0f * d[1];
    v[1] = a + b;
    v[2] = a - b;
    const Vector c = d[4] - d[2];
    const Vector e = 2.0f * (d[3] - d[1]);
    v[3] = c + e;
    v[4] = c - e;
    v[5] = 4.0f * d[1] - 5.0f * d[3] + d[5];
  }
};

/** G: filter → points. */
struct FilterToPoints {
  AVX512 static inline void of(const Vector* g, Vector* v) {
    v[0] = 0.25f * g[0];
    const Vector a = (g[0] + g[2]) * (-1.0f / 6);
    const Vector b = g[1] * (1.0f / 6);
    v[1] = a - b;
    v[2] = a + b;
    const Vector c = g[0] * (1.0f / 24) + g[2] * (1.0f / 6);
    const Vector d = g[1] * (1.0f / 12);
    v[3] = c + d;
    v[4] = c - d;
    v[5] = g[2];
  }
};

/** Aᵀ: points → output. */
struct PointsToOutput {
  AVX512 static inline void of(const Vector* m, Vector* y) {
    const Vector a = m[1] + m[2];
    const Vector b = m[1] - m[2];
    const Vector c = m[3] + m[4];
    const Vector d = m[3] - m[4];
    y[0] = m[0] + a + c;
    y[1] = b + 2.0f * d;
    y[2] = a + 4.0f * c;
    y[3] = b + 8.0f * d + m[5];
  }
};

/** A: gradient of the output → points. */
struct OutputToPoints {
  AVX512 static inline void of(const Vector* y, Vector* m) {
    const Vector a = y[0] + y[2];
    const Vector b = y[1] + y[3];
    const Vector c = y[0] + 4.0f * y[2];
    const Vector d = 2.0f * y[1] + 8.0f * y[3];
    m[0] = y[0];
    m[1] = a + b;
    m[2] = a - b;
    m[3] = c + d;
    m[4] = c - d;
    m[5] = y[3];
  }
};

/** Gᵀ: points → gradient of the filter. */
struct PointsToFilter {
  AVX512 static inline void of(const Vector* v, Vector* g) {
    const Vector a = (v[1] + v[2]) * (1.0f / 6);
    const Vector b = (v[2] - v[1]) * (1.0f / 6);
    const Vector c = v[3] + v[4];
    const Vector d = v[3] - v[4];
    g[0] = 0.25f * v[0] - a + c * (1.0f / 24);
    g[1] = b + d * (1.0f / 12);
    g[2] = c * (1.0f / 6) - a + v[5];
  }
};

/** Applies a transform along both axes: in [From, From] → out [To, To]. */
template <class Transform, int From, int To>
AVX512 inline void alongBoth(const Vector* in, Vector* out) {
  Vector half[To][From];
  for (int column = 0; column < From; column++) {
    Vector line[From], result[To];
    for (int i = 0; i < From; i++) line[i] = in[i * From + column];
    Transform::of(line, result);
    for (int i = 0; i < To; i++) half[i][column] = result[i];
  }
  for (int row = 0; row < To; row++) Transform::of(half[row], out + row * To);
}

}  // namespace selfsame::winograd
