#include <algorithm>

#include "lanes.h"
#include "launch.h"
#include "parallel.h"

/** Rows of a bank that are picked for each query, read where they lie: kernels/picked_dots.wgsl, picked_sum.wgsl. */
namespace selfsame {
namespace {

// Terms that are added up before they join the total, so that a long sum keeps its last digits.
constexpr int64_t kChain = 256;

struct Picks {
  Picks(Launch& launch)
      : rows(launch.size("rows")), columns(launch.size("columns")), picked(launch.size("picked")),
        first(launch.whole("first")), pageRows(launch.size("pageRows")) {
    page = launch.in<float>("page", {pageRows, columns});
    indices = launch.in<int32_t>("indices", {rows, picked});
  }

  int64_t rows, columns, picked, first, pageRows;
  const float* page;
  const int32_t* indices;

  /** The row that is picked at a place, if it lies in the page. */
  const float* at(int64_t place) const {
    const int64_t row = indices[place] - first;
    return row < 0 || row >= pageRows ? nullptr : page + row * columns;
  }
  /** Body(n) for every query. */
  template <class Body>
  void forRows(const Body& body) const {
    parallel(rows, tiles(kGrain, columns * picked), [&](int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; n++) body(n);
    });
  }
};

SELFSAME_CLONES float dot(const float* a, const float* b, int64_t count) {
  return sumLanes(count, [=](int64_t c) { return a[c] * b[c]; });
}

const Op pickedDots("pickedDots", [](Launch& launch) -> Run {
  const Picks picks(launch);
  const auto* queries = launch.in<float>("queries", {picks.rows, picks.columns});
  auto* out = launch.out<float>("out", {picks.rows, picks.picked});
  return [=](Scratch&) {
    picks.forRows([&](int64_t n) {
      for (int64_t place = n * picks.picked; place < (n + 1) * picks.picked; place++) {
        const float* row = picks.at(place);
        if (row) out[place] = dot(queries + n * picks.columns, row, picks.columns);
      }
    });
  };
});

SELFSAME_CLONES void addRow(float* __restrict to, const float* from, float factor, int64_t count) {
  for (int64_t c = 0; c < count; c++) to[c] += factor * from[c];
}

const Op pickedSum("pickedSum", [](Launch& launch) -> Run {
  const Picks picks(launch);
  const auto* factors = launch.in<float>("factors", {picks.rows, picks.picked});
  auto* out = launch.out<float>("out", {picks.rows, picks.columns});
  return [=](Scratch& scratch) {
    auto* parts = scratch.take<float>(picks.rows * picks.columns);
    picks.forRows([&](int64_t n) {
      float* total = out + n * picks.columns;
      float* part = parts + n * picks.columns;
      if (picks.first == 0) std::fill_n(total, picks.columns, 0.0f);
      const int64_t end = (n + 1) * picks.picked;
      for (int64_t chunk = n * picks.picked; chunk < end; chunk += kChain) {
        std::fill_n(part, picks.columns, 0.0f);
        for (int64_t place = chunk; place < std::min(chunk + kChain, end); place++) {
          const float* row = picks.at(place);
          if (row) addRow(part, row, factors[place], picks.columns);
        }
        addRow(total, part, 1.0f, picks.columns);
      }
    });
  };
});

}  // namespace
}  // namespace selfsame
