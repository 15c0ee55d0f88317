#include <algorithm>
#include <cmath>

#include "lanes.h"
#include "launch.h"
#include "parallel.h"

/** Rows of mean 0 and variance 1, times gamma plus beta: kernels/layer_norm.wgsl and its gradient. */
namespace selfsame {
namespace {

/** Simple operations that an element is worth. */
constexpr int64_t kWork = 3;

/** Rows are summed over in at most as many parts, whatever the number of threads. */
constexpr int64_t kMostParts = 64;
constexpr int64_t kRowsEach = 16;

/** Of a row: its mean relative to its first value, so that a large one costs no digits, and 1 / √(variance + epsilon). */
struct Statistics {
  float mean, scale;
};

SELFSAME_CLONES Statistics statisticsOf(const float* x, int64_t columns, float epsilon) {
  const float first = x[0];
  const auto size = static_cast<float>(columns);
  const float mean = sumLanes(columns, [=](int64_t i) { return x[i] - first; }) / size;
  const float squares = sumLanes(columns, [=](int64_t i) {
    const float away = (x[i] - first) - mean;
    return away * away;
  });
  return {mean, 1.0f / std::sqrt(squares / size + epsilon)};
}

SELFSAME_CLONES void applyRow(const float* x, Statistics of, const float* gamma, const float* beta, int64_t columns,
                              float* y) {
  const float first = x[0];
  for (int64_t i = 0; i < columns; i++) y[i] = ((x[i] - first) - of.mean) * of.scale;
  for (int64_t i = 0; gamma && i < columns; i++) y[i] *= gamma[i];
  for (int64_t i = 0; beta && i < columns; i++) y[i] += beta[i];
}

const Op layerNorm("layerNorm", [](Launch& launch) -> Run {
  const int64_t rows = launch.size("rows");
  const int64_t columns = launch.size("columns");
  const auto epsilon = static_cast<float>(launch.number("epsilon"));
  const auto* x = launch.in<float>("x", {rows, columns});
  const auto* gamma = launch.has("gamma") ? launch.in<float>("gamma", {columns}) : nullptr;
  const auto* beta = launch.has("beta") ? launch.in<float>("beta", {columns}) : nullptr;
  auto* y = launch.out<float>("y", {rows, columns});
  auto* statistics = launch.out<Statistics>("statistics", {rows});
  return [=](Scratch&) {
    parallel(rows, tiles(kGrain, kWork * columns), [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; row++) {
        statistics[row] = statisticsOf(x + row * columns, columns, epsilon);
        applyRow(x + row * columns, statistics[row], gamma, beta, columns, y + row * columns);
      }
    });
  };
});

/** dx = scale · (h − mean(h) − x̂ · mean(h · x̂)), h = gamma · g, of one row; `h` has room for one. */
SELFSAME_CLONES void gradientRow(const float* g, const float* x, const float* gamma, Statistics of, int64_t columns,
                                 float* h, float* dx) {
  const float first = x[0];
  const auto size = static_cast<float>(columns);
  const auto normalised = [=](int64_t i) { return ((x[i] - first) - of.mean) * of.scale; };
  for (int64_t i = 0; i < columns; i++) h[i] = gamma ? g[i] * gamma[i] : g[i];
  const float mean = sumLanes(columns, [=](int64_t i) { return h[i]; }) / size;
  const float slope = sumLanes(columns, [=](int64_t i) { return h[i] * normalised(i); }) / size;
  for (int64_t i = 0; i < columns; i++) dx[i] = of.scale * (h[i] - mean - normalised(i) * slope);
}

/** Adds g and g · x̂ of one row to sums over rows. */
SELFSAME_CLONES void addRow(const float* g, const float* x, Statistics of, int64_t columns, float* sum,
                            float* product) {
  const float first = x[0];
  for (int64_t i = 0; i < columns; i++) {
    sum[i] += g[i];
    product[i] += g[i] * (((x[i] - first) - of.mean) * of.scale);
  }
}

struct Gradient {
  const float *g, *x, *gamma;
  const Statistics* statistics;
  float *dx, *dgamma, *dbeta;
  int64_t rows, columns;

  void run(Scratch& scratch) const {
    // As many parts for every number of threads: the order in which rows are added is that of the shape.
    const int64_t each = std::max(kRowsEach, tiles(rows, kMostParts));
    const int64_t parts = tiles(rows, each);
    auto* sums = scratch.take<float>(parts * 3 * columns);
    parallel(parts, tiles(kGrain, 2 * kWork * each * columns), [&](int64_t begin, int64_t end) {
      for (int64_t part = begin; part < end; part++) {
        float* own = sums + part * 3 * columns;
        std::fill_n(own, 2 * columns, 0.0f);
        for (int64_t row = part * each; row < std::min(rows, (part + 1) * each); row++) {
          const int64_t at = row * columns;
          gradientRow(g + at, x + at, gamma, statistics[row], columns, own + 2 * columns, dx + at);
          if (dgamma) addRow(g + at, x + at, statistics[row], columns, own, own + columns);
        }
      }
    });
    if (!dgamma) return;
    for (int64_t c = 0; c < columns; c++) {
      dbeta[c] = 0.0f;
      dgamma[c] = 0.0f;
      for (int64_t part = 0; part < parts; part++) {
        dbeta[c] += sums[part * 3 * columns + c];
        dgamma[c] += sums[(part * 3 + 1) * columns + c];
      }
    }
  }
};

const Op layerNormGradient("layerNormGradient", [](Launch& launch) -> Run {
  const int64_t rows = launch.size("rows");
  const int64_t columns = launch.size("columns");
  const bool sums = launch.has("dgamma");
  if (sums != launch.has("dbeta")) launch.refuse("wants dgamma and dbeta together");
  const Gradient gradient{
      launch.in<float>("g", {rows, columns}),
      launch.in<float>("x", {rows, columns}),
      launch.has("gamma") ? launch.in<float>("gamma", {columns}) : nullptr,
      launch.in<Statistics>("statistics", {rows}),
      launch.out<float>("dx", {rows, columns}),
      sums ? launch.out<float>("dgamma", {columns}) : nullptr,
      sums ? launch.out<float>("dbeta", {columns}) : nullptr,
      rows,
      columns,
  };
  return [gradient](Scratch& scratch) { gradient.run(scratch); };
});

}  // namespace
}  // namespace selfsame
