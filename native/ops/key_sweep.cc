#include <omp.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "lanes.h"
#include "launch.h"
#include "math.h"
#include "onednn.h"
#include "parallel.h"

/**
 * Softmax over very many keys, streamed: similarities s_ij = q_i · k_j · scale + bias_j of a block of rows and a block
 * of keys at a time, in memory that stays in the second-level cache. A key is a row of the block and a query a column,
 * so that no product transposes keys (7 % of the time) and no sum runs along a vector. The blocks depend on the shape
 * alone. Formulas and fields: src/ops/keySweep.ts.
 */
namespace selfsame {
namespace {

// Below every similarity, so that its exponential is 0 even next to `kLeast`.
constexpr float kNever = -3e38f;
constexpr float kLeast = -1e30f;

constexpr int64_t kMostRows = 256;
constexpr int64_t kMostKeys = 256;
// Tasks that keep many threads busy, and keys that a task has at least: each costs a copy of what is summed.
constexpr int64_t kTasks = 32;
constexpr int64_t kLeastKeys = 512;

/** [0, count) in blocks of nearly the same size, `most` at most. */
struct Blocks {
  Blocks(int64_t count, int64_t most)
      : count(count), size(tiles(count, tiles(count, most))), number(tiles(count, size)) {}
  int64_t count, size, number;
  int64_t begin(int64_t index) const { return index * size; }
  int64_t length(int64_t index) const { return std::min(size, count - begin(index)); }
};

struct Problem {
  Problem(Launch& launch, double scale)
      : rows(launch.size("rows")), keys(launch.size("keyRows")), columns(launch.size("columns")),
        first(launch.whole("first")), scale(static_cast<float>(scale)) {
    query = launch.in<float>("queries", {rows, columns});
    key = launch.in<float>("keys", {keys, columns});
    bias = launch.has("bias") ? launch.in<float>("bias", {keys}) : nullptr;
    skip = launch.has("skip") ? launch.in<int32_t>("skip", {rows}) : nullptr;
  }

  int64_t rows, keys, columns, first;
  float scale;
  const float *query, *key, *bias;
  const int32_t* skip;

  /** Queries i … i + n − 1 as columns, times scale. */
  void turn(int64_t i, int64_t n, float* turned) const {
    for (int64_t row = 0; row < n; row++) {
      for (int64_t c = 0; c < columns; c++) turned[c * n + row] = query[(i + row) * columns + c] * scale;
    }
  }
  /** s [m, n] of keys j … and the n rows that were turned. */
  bool similarities(const float* turned, int64_t n, int64_t j, int64_t m, float* s) const {
    for (int64_t key = 0; bias && key < m; key++) std::fill_n(s + key * n, n, bias[j + key]);
    return dnnl::sgemm('N', 'N', m, n, columns, 1.0f, key + j * columns, columns, turned, n, bias ? 1.0f : 0.0f, s,
                       n) == dnnl::status::success;
  }
  /** Which of the keys j … j + m − 1 row i leaves out, or −1. */
  int64_t skipped(int64_t i, int64_t j, int64_t m) const {
    const int64_t key = skip ? skip[i] - first - j : -1;
    return key < m ? std::max<int64_t>(key, -1) : -1;
  }
  int64_t operations(int64_t products) const { return 2 * products * rows * keys * columns; }
};

/** The queries as columns, block by block; for each thread a block of similarities; whether all products were made. */
class Workspace {
 public:
  Workspace(const Problem& p, const Blocks& rows, int64_t keys, Scratch& scratch)
      : p_(p), rows_(rows), each_(rows.size * keys), turned_(scratch.take<float>(p.rows * p.columns)),
        lent_(scratch.take<float>(each_ * omp_get_max_threads())) {}
  /** To be called by every thread of a team. */
  void turn() {
#pragma omp for
    for (int64_t block = 0; block < rows_.number; block++) {
      p_.turn(rows_.begin(block), rows_.length(block), turned_ + rows_.begin(block) * p_.columns);
    }
  }
  const float* turned(int64_t block) const { return turned_ + rows_.begin(block) * p_.columns; }
  float* mine() const { return lent_ + each_ * omp_get_thread_num(); }
  void check(bool done) {
    if (!done) failed_ = true;
  }
  void finish() const {
    if (failed_) throw std::runtime_error("oneDNN could not multiply two blocks of rows");
  }

 private:
  const Problem& p_;
  const Blocks& rows_;
  const int64_t each_;
  float *const turned_, *const lent_;
  std::atomic<bool> failed_{false};
};

/** What rows know of the keys they have seen: the largest similarity, and relative to it sums of exp(s) and exp(s)·k. */
struct State {
  float *largest, *sum, *weighted;

  void begin(int64_t i, int64_t rows, int64_t columns) const {
    std::fill_n(largest + i, rows, kLeast);
    std::fill_n(sum + i, rows, 0.0f);
    if (weighted) std::fill_n(weighted + i * columns, rows * columns, 0.0f);
  }
};

SELFSAME_CLONES void scaleRow(float* row, int64_t columns, float factor) {
  for (int64_t c = 0; c < columns; c++) row[c] *= factor;
}

/** s [keys, rows] becomes exp(s − largest), with the largest so far; what was summed before shrinks by `factor`. */
SELFSAME_CLONES void weigh(float* __restrict s, int64_t keys, int64_t rows, float* __restrict largest,
                           float* __restrict sum, float* __restrict factor) {
  float part[kMostRows];
  for (int64_t i = 0; i < rows; i++) factor[i] = largest[i];
  for (int64_t j = 0; j < keys; j++) {
    const float* row = s + j * rows;
    for (int64_t i = 0; i < rows; i++) largest[i] = row[i] > largest[i] ? row[i] : largest[i];
  }
  for (int64_t i = 0; i < rows; i++) {
    factor[i] = expOf(factor[i] - largest[i]);
    part[i] = 0.0f;
  }
  for (int64_t j = 0; j < keys; j++) {
    float* row = s + j * rows;
    for (int64_t i = 0; i < rows; i++) {
      row[i] = expOf(row[i] - largest[i]);
      part[i] += row[i];
    }
  }
  for (int64_t i = 0; i < rows; i++) sum[i] = sum[i] * factor[i] + part[i];
}

/** Takes keys j … j + m − 1 into the state of rows i … i + n − 1; s is room for their similarities. */
bool sweep(const Problem& p, const State& state, const float* turned, int64_t i, int64_t n, int64_t j, int64_t m,
           float* s) {
  float factor[kMostRows];
  float* weighted = state.weighted ? state.weighted + i * p.columns : nullptr;
  if (!p.similarities(turned, n, j, m, s)) return false;
  for (int64_t row = 0; row < n; row++) {
    const int64_t skipped = p.skipped(i + row, j, m);
    if (skipped >= 0) s[skipped * n + row] = kNever;
  }
  weigh(s, m, n, state.largest + i, state.sum + i, factor);
  if (!weighted) return true;
  for (int64_t row = 0; row < n; row++) {
    if (factor[row] != 1.0f) scaleRow(weighted + row * p.columns, p.columns, factor[row]);
  }
  return dnnl::sgemm('T', 'N', n, p.columns, m, 1.0f, s, n, p.key + j * p.columns, p.columns, 1.0f, weighted,
                     p.columns) == dnnl::status::success;
}

/** Adds factor · from to a row that shrinks to `kept` of what it was. */
SELFSAME_CLONES void joinRow(float* to, float kept, const float* from, float factor, int64_t columns) {
  for (int64_t c = 0; c < columns; c++) to[c] = to[c] * kept + from[c] * factor;
}

void join(const State& to, const State& from, int64_t i, int64_t columns) {
  const float most = std::max(to.largest[i], from.largest[i]);
  const float kept = expOf(to.largest[i] - most);
  const float factor = expOf(from.largest[i] - most);
  to.largest[i] = most;
  to.sum[i] = to.sum[i] * kept + from.sum[i] * factor;
  if (to.weighted) joinRow(to.weighted + i * columns, kept, from.weighted + i * columns, factor, columns);
}

const Op keySweep("keySweep", [](Launch& launch) -> Run {
  const Problem p(launch, launch.number("scale"));
  const State state{launch.out<float>("largest", {p.rows}), launch.out<float>("sum", {p.rows}),
                    launch.has("weighted") ? launch.out<float>("weighted", {p.rows, p.columns}) : nullptr};
  return [=](Scratch& scratch) {
    const onednn::Threads threads(p.operations(state.weighted ? 2 : 1));
    const Blocks rows(p.rows, kMostRows);
    // Few rows share the keys out in chunks; the first goes on from what is there, the others join it in order.
    const int64_t wanted = std::min(tiles(kTasks, rows.number), std::max<int64_t>(1, p.keys / kLeastKeys));
    const Blocks chunks(tiles(p.keys, kMostKeys), tiles(tiles(p.keys, kMostKeys), wanted));
    std::vector<State> states{state};
    while (static_cast<int64_t>(states.size()) < chunks.number) {
      states.push_back({scratch.take<float>(p.rows), scratch.take<float>(p.rows),
                        state.weighted ? scratch.take<float>(p.rows * p.columns) : nullptr});
    }
    Workspace workspace(p, rows, std::min(p.keys, kMostKeys), scratch);
#pragma omp parallel
    {
      float* s = workspace.mine();
      workspace.turn();
#pragma omp for schedule(dynamic)
      for (int64_t task = 0; task < rows.number * chunks.number; task++) {
        const int64_t chunk = task % chunks.number;
        const int64_t part = task / chunks.number;
        const int64_t i = rows.begin(part), n = rows.length(part);
        if (chunk > 0 || p.first == 0) states[chunk].begin(i, n, p.columns);
        for (int64_t block = 0; block < chunks.length(chunk); block++) {
          const int64_t j = (chunks.begin(chunk) + block) * kMostKeys;
          const int64_t m = std::min(kMostKeys, p.keys - j);
          workspace.check(sweep(p, states[chunk], workspace.turned(part), i, n, j, m, s));
        }
      }
#pragma omp for
      for (int64_t i = 0; i < p.rows; i++) {
        for (int64_t chunk = 1; chunk < chunks.number; chunk++) join(state, states[chunk], i, p.columns);
      }
    }
    workspace.finish();
  };
});

SELFSAME_CLONES float dot(const float* a, const float* b, int64_t count) {
  return sumLanes(count, [=](int64_t c) { return a[c] * b[c]; });
}

const Op keyLoss("keyLoss", [](Launch& launch) -> Run {
  const int64_t rows = launch.size("rows");
  const int64_t columns = launch.size("columns");
  const auto scale = static_cast<float>(launch.number("scale"));
  const auto* queries = launch.in<float>("queries", {rows, columns});
  const auto* positives = launch.in<float>("positives", {rows, columns});
  const auto* bias = launch.has("bias") ? launch.in<float>("bias", {rows}) : nullptr;
  auto* largest = launch.out<float>("largest", {rows});
  auto* sum = launch.out<float>("sum", {rows});
  auto* gradient = launch.has("weighted") ? launch.out<float>("weighted", {rows, columns}) : nullptr;
  auto* loss = launch.out<float>("loss", {rows});
  return [=](Scratch&) {
    parallel(rows, tiles(kGrain, 4 * columns), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; i++) {
        const float* positive = positives + i * columns;
        const float own = dot(queries + i * columns, positive, columns) * scale + (bias ? bias[i] : 0.0f);
        const float most = std::max(own, largest[i]);
        const double others = sum[i] * std::exp(static_cast<double>(largest[i] - most));
        const double total = others + std::exp(static_cast<double>(own - most));
        // What is left to the others is small where the loss is: no difference of large numbers may make it.
        const double log = own == most ? std::log1p(others) : std::log(total);
        loss[i] = static_cast<float>((most - own + log) / static_cast<double>(rows));
        const double kept = std::exp(static_cast<double>(largest[i] - most)) / total;
        largest[i] = static_cast<float>(most + log);
        sum[i] = static_cast<float>(others / total);
        if (!gradient) continue;
        const double factor = scale / static_cast<double>(rows);
        joinRow(gradient + i * columns, static_cast<float>(factor * kept), positive,
                static_cast<float>(-factor * sum[i]), columns);
      }
    });
  };
});

/** Similarities of a key become factor · exp(s − logSum). */
SELFSAME_CLONES void chances(float* __restrict s, int64_t rows, const float* logSum, float factor) {
  for (int64_t i = 0; i < rows; i++) s[i] = expOf(s[i] - logSum[i]) * factor;
}

SELFSAME_CLONES float total(const float* s, int64_t rows) {
  return sumLanes(rows, [s](int64_t i) { return s[i]; });
}

const Op keyGradient("keyGradient", [](Launch& launch) -> Run {
  const Problem p(launch, 1.0);
  if (!p.skip) launch.refuse("wants the labels in skip");
  const auto* logSum = launch.in<float>("logSum", {p.rows});
  const auto* missing = launch.in<float>("missing", {p.rows});
  const auto* g = launch.in<float>("g", {1});
  auto* dkeys = launch.out<float>("dkeys", {p.keys, p.columns});
  auto* dbias = launch.has("dbias") ? launch.out<float>("dbias", {p.keys}) : nullptr;
  return [=](Scratch& scratch) {
    const onednn::Threads threads(p.operations(2));
    const Blocks rows(p.rows, kMostRows);
    const Blocks keys(p.keys, std::clamp<int64_t>(tiles(p.keys, kTasks), 64, kMostKeys));
    Workspace workspace(p, rows, keys.size, scratch);
    const float factor = g[0] / static_cast<float>(p.rows);
#pragma omp parallel
    {
      float* s = workspace.mine();
      workspace.turn();
#pragma omp for schedule(dynamic)
      for (int64_t block = 0; block < keys.number; block++) {
        const int64_t j = keys.begin(block), m = keys.length(block);
        if (dbias) std::fill_n(dbias + j, m, 0.0f);
        for (int64_t part = 0; part < rows.number; part++) {
          const int64_t i = rows.begin(part), n = rows.length(part);
          workspace.check(p.similarities(workspace.turned(part), n, j, m, s));
          for (int64_t key = 0; key < m; key++) chances(s + key * n, n, logSum + i, factor);
          for (int64_t row = 0; row < n; row++) {
            const int64_t label = p.skipped(i + row, j, m);
            if (label >= 0) s[label * n + row] = -missing[i + row] * factor;
          }
          for (int64_t key = 0; dbias && key < m; key++) dbias[j + key] += total(s + key * n, n);
          workspace.check(dnnl::sgemm('N', 'N', m, p.columns, n, 1.0f, s, n, p.query + i * p.columns, p.columns,
                                      part == 0 ? 0.0f : 1.0f, dkeys + j * p.columns,
                                      p.columns) == dnnl::status::success);
        }
      }
    }
    workspace.finish();
  };
});

}  // namespace
}  // namespace selfsame
