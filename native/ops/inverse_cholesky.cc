#include <cmath>

#include "launch.h"

/** L with L·Lᵀ = (x + xᵀ) / 2, and its inverse: kernels/inverse_cholesky.wgsl. */
namespace selfsame {
namespace {

/** Rows of L, in double precision: some hundred rows are soon done. NaN from a pivot on that is not positive. */
void factorise(const float* x, int64_t d, double* lower) {
  for (int64_t i = 0; i < d; i++) {
    for (int64_t j = 0; j <= i; j++) {
      double rest = 0.5 * (static_cast<double>(x[i * d + j]) + x[j * d + i]);
      for (int64_t k = 0; k < j; k++) rest -= lower[i * d + k] * lower[j * d + k];
      lower[i * d + j] = i == j ? std::sqrt(rest) : rest / lower[j * d + j];
    }
    for (int64_t j = i + 1; j < d; j++) lower[i * d + j] = 0.0;
  }
}

/** Rows of L⁻¹, each from those above it. */
void invert(const double* lower, int64_t d, double* inverse) {
  for (int64_t i = 0; i < d; i++) {
    double* row = inverse + i * d;
    for (int64_t j = 0; j < d; j++) row[j] = i == j ? 1.0 : 0.0;
    for (int64_t k = 0; k < i; k++) {
      for (int64_t j = 0; j <= k; j++) row[j] -= lower[i * d + k] * inverse[k * d + j];
    }
    for (int64_t j = 0; j <= i; j++) row[j] /= lower[i * d + i];
  }
}

const Op inverseCholesky("inverseCholesky", [](Launch& launch) -> Run {
  const int64_t d = launch.size("d");
  const auto* x = launch.in<float>("x", {d, d});
  auto* out = launch.out<float>("out", {d, d});
  return [=](Scratch& scratch) {
    auto* factor = scratch.take<double>(d * d);
    auto* inverse = scratch.take<double>(d * d);
    factorise(x, d, factor);
    invert(factor, d, inverse);
    for (int64_t i = 0; i < d * d; i++) out[i] = static_cast<float>(inverse[i]);
  };
});

}  // namespace
}  // namespace selfsame
