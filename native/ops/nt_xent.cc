#include <omp.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <stdexcept>

#include "lanes.h"
#include "launch.h"
#include "math.h"
#include "onednn.h"
#include "parallel.h"

/**
 * NT-Xent, streamed: the similarities s_ij = z_i · z_j · scale of two blocks of rows at a time, in memory that stays
 * in the second-level cache. They are symmetric, so each pair of blocks is multiplied once and counts for the rows of
 * both. The blocks depend on the shape alone. Formulas: kernels/nt_xent*.wgsl.
 */
namespace selfsame {
namespace {

// Below every similarity, so that its exponential is 0 even next to `kLeast`.
constexpr float kNever = -3e38f;
constexpr float kLeast = -1e30f;

constexpr int64_t kMostBlock = 256;

struct Problem {
  Problem(Launch& launch)
      : rows(launch.size("rows")),
        columns(launch.size("columns")),
        scale(static_cast<float>(launch.number("scale"))),
        // Enough pairs for many threads, and blocks large enough to be multiplied fast.
        block(std::clamp<int64_t>(tiles(rows, 16 * 64) * 64, 64, kMostBlock)),
        blocks(tiles(rows, block)) {
    if (rows % 2 != 0) launch.refuse("wants an even number of rows");
    z = launch.in<float>("z", {rows, columns});
  }

  int64_t rows, columns;
  float scale;
  int64_t block, blocks;
  const float* z = nullptr;

  int64_t begin(int64_t index) const { return index * block; }
  int64_t size(int64_t index) const { return std::min(block, rows - begin(index)); }
  const float* at(int64_t index) const { return z + begin(index) * columns; }
  /** Column of block b where row i of block a meets the other view of the same image, or −1. */
  int64_t positive(int64_t a, int64_t i, int64_t b) const {
    const int64_t j = (begin(a) + i + rows / 2) % rows - begin(b);
    return j < size(b) ? std::max<int64_t>(j, -1) : -1;
  }
  int64_t operations() const { return 2 * rows * rows * columns; }

  /**
   * s [size(a), size(b)] of two blocks, rows `block` apart; a row and itself are never similar. Within a block s_ij and
   * s_ji are made the same: a rounding apart, they would leave a gradient where there is only one other row.
   */
  bool similarities(int64_t a, int64_t b, float* s) const {
    const auto status = dnnl::sgemm('N', 'T', size(a), size(b), columns, scale, at(a), columns, at(b), columns, 0.0f, s,
                                    block);
    for (int64_t i = 0; a == b && i < size(a); i++) {
      s[i * block + i] = kNever;
      for (int64_t j = 0; j < i; j++) s[i * block + j] = s[j * block + i];
    }
    return status == dnnl::status::success;
  }
};

/** A matrix of a block for each thread, and whether all products could be made. */
class Workspace {
 public:
  Workspace(const Problem& p, Scratch& scratch)
      : each_(p.block * p.block), matrices_(scratch.take<float>(each_ * omp_get_max_threads())) {}
  float* mine() const { return matrices_ + each_ * omp_get_thread_num(); }
  void check(bool done) {
    if (!done) failed_ = true;
  }
  void finish() const {
    if (failed_) throw std::runtime_error("oneDNN could not multiply two blocks of rows");
  }

 private:
  const int64_t each_;
  float* const matrices_;
  std::atomic<bool> failed_{false};
};

/** For each row and each block, the largest similarity and Σ exp(s − largest): both [blocks, rows]. */
struct Partial {
  float *largest, *sum;
};

SELFSAME_CLONES void sumRows(const float* s, int64_t stride, int64_t rows, int64_t columns, float* largest,
                             float* sum) {
  for (int64_t i = 0; i < rows; i++) {
    const float* row = s + i * stride;
    const float most = std::max(kLeast, maxLanes(columns, row));
    largest[i] = most;
    sum[i] = sumLanes(columns, [=](int64_t j) { return expOf(row[j] - most); });
  }
}

SELFSAME_CLONES void sumColumns(const float* s, int64_t stride, int64_t rows, int64_t columns, float* largest,
                                float* sum) {
  std::fill_n(largest, columns, kLeast);
  std::fill_n(sum, columns, 0.0f);
  for (int64_t i = 0; i < rows; i++) {
    const float* row = s + i * stride;
#pragma omp simd
    for (int64_t j = 0; j < columns; j++) largest[j] = row[j] > largest[j] ? row[j] : largest[j];
  }
  for (int64_t i = 0; i < rows; i++) {
    const float* row = s + i * stride;
#pragma omp simd
    for (int64_t j = 0; j < columns; j++) sum[j] += expOf(row[j] - largest[j]);
  }
}

struct Loss {
  Problem p;
  float *logSum, *loss;

  void run(Scratch& scratch) const {
    const onednn::Threads threads(p.operations());
    Workspace workspace(p, scratch);
    const Partial partial{scratch.take<float>(p.blocks * p.rows), scratch.take<float>(p.blocks * p.rows)};
    auto* wanted = scratch.take<float>(p.rows);
#pragma omp parallel
    {
      float* s = workspace.mine();
      // Pair (a, b) with a ≤ b is number b · (b + 1) / 2 + a.
#pragma omp for schedule(dynamic)
      for (int64_t pair = 0; pair < p.blocks * (p.blocks + 1) / 2; pair++) {
        auto b = static_cast<int64_t>((std::sqrt(8.0 * static_cast<double>(pair) + 1.0) - 1.0) / 2.0);
        const int64_t a = pair - b * (b + 1) / 2;
        workspace.check(p.similarities(a, b, s));
        for (int64_t i = 0; i < p.size(a); i++) {
          const int64_t j = p.positive(a, i, b);
          if (j < 0) continue;
          wanted[p.begin(a) + i] = s[i * p.block + j];
          if (a != b) wanted[p.begin(b) + j] = s[i * p.block + j];
        }
        const int64_t row = b * p.rows + p.begin(a);
        sumRows(s, p.block, p.size(a), p.size(b), partial.largest + row, partial.sum + row);
        if (a == b) continue;
        const int64_t column = a * p.rows + p.begin(b);
        sumColumns(s, p.block, p.size(a), p.size(b), partial.largest + column, partial.sum + column);
      }
#pragma omp for
      for (int64_t i = 0; i < p.rows; i++) {
        float largest = kLeast;
        for (int64_t b = 0; b < p.blocks; b++) largest = std::max(largest, partial.largest[b * p.rows + i]);
        double sum = 0.0;
        for (int64_t b = 0; b < p.blocks; b++) {
          sum += partial.sum[b * p.rows + i] * std::exp(partial.largest[b * p.rows + i] - largest);
        }
        const auto log = static_cast<float>(std::log(sum));
        logSum[i] = largest + log;
        loss[i] = (largest - wanted[i] + log) / static_cast<float>(p.rows);
      }
    }
    workspace.finish();
  }
};

/** s_ij becomes exp(s_ij − l_i) + exp(s_ij − l_j). */
SELFSAME_CLONES void weigh(float* s, int64_t stride, int64_t rows, int64_t columns, const float* rowLog,
                           const float* columnLog) {
  for (int64_t i = 0; i < rows; i++) {
    float* row = s + i * stride;
    const float own = rowLog[i];
#pragma omp simd
    for (int64_t j = 0; j < columns; j++) row[j] = expOf(row[j] - own) + expOf(row[j] - columnLog[j]);
  }
}

/** Of the mean. */
struct Gradient {
  Problem p;
  const float* logSum;
  float* dz;

  void run(Scratch& scratch) const {
    const onednn::Threads threads(p.operations());
    Workspace workspace(p, scratch);
    const float factor = p.scale / static_cast<float>(p.rows);
    // A tournament (the circle method): in every round each block meets one other, so that no two threads add to the
    // same rows, and the rounds are the order in which a row's terms are added. With an odd number one has a rest.
    const int64_t circle = p.blocks - 1 + p.blocks % 2;
#pragma omp parallel
    {
      float* s = workspace.mine();
#pragma omp for schedule(dynamic)
      for (int64_t a = 0; a < p.blocks; a++) workspace.check(add(a, a, factor, s));
      for (int64_t round = 0; round < circle && p.blocks > 1; round++) {
#pragma omp for schedule(dynamic)
        for (int64_t k = 0; k <= circle / 2; k++) {
          // The one outside the circle meets the one at its top.
          const int64_t a = (round + k) % circle;
          const int64_t b = k == 0 ? circle : (round - k + circle) % circle;
          if (b < p.blocks) workspace.check(add(std::min(a, b), std::max(a, b), factor, s));
        }
      }
    }
    workspace.finish();
  }

 private:
  /** Adds to dz what the pairs of rows of two blocks have to say; the first time, for a = b, dz begins there. */
  bool add(int64_t a, int64_t b, float factor, float* s) const {
    if (!p.similarities(a, b, s)) return false;
    weigh(s, p.block, p.size(a), p.size(b), logSum + p.begin(a), logSum + p.begin(b));
    for (int64_t i = 0; i < p.size(a); i++) {
      const int64_t j = p.positive(a, i, b);
      if (j >= 0) s[i * p.block + j] -= 2.0f;
    }
    return a == b ? multiply('N', a, b, factor, s, 0.0f)
                  : multiply('N', a, b, factor, s, 1.0f) && multiply('T', b, a, factor, s, 1.0f);
  }

  /** dz_a = before · dz_a + factor · s z_b. */
  bool multiply(char transpose, int64_t a, int64_t b, float factor, const float* s, float before) const {
    float* out = dz + p.begin(a) * p.columns;
    return dnnl::sgemm(transpose, 'N', p.size(a), p.columns, p.size(b), factor, s, p.block, p.at(b), p.columns, before,
                       out, p.columns) == dnnl::status::success;
  }
};

const Op ntXent("ntXent", [](Launch& launch) -> Run {
  const Problem p(launch);
  auto* logSum = launch.out<float>("logSum", {p.rows});
  const Loss loss{p, logSum, launch.out<float>("loss", {p.rows})};
  if (!launch.has("dz")) return [loss](Scratch& scratch) { loss.run(scratch); };
  const Gradient gradient{p, logSum, launch.out<float>("dz", {p.rows, p.columns})};
  return [=](Scratch& scratch) {
    loss.run(scratch);
    gradient.run(scratch);
  };
});

}  // namespace
}  // namespace selfsame
