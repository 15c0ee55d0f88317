#pragma once
#include <algorithm>
#include <cstdint>
#include <utility>

#include "launch.h"
#include "parallel.h"

/** What batch normalisation and its gradient share: how x [rows, channels] is walked over and summed up. */
namespace selfsame::batch_norm {

// Columns of a line that is joined from narrow rows: four such lines, which are summed at a time, are one stream to the
// processor's prefetcher. With 256 columns they are four, and the forward pass over 50 MB took twice as long.
constexpr int64_t kLine = 64;
// Columns whose sums stay in the first-level cache, and elements of a part.
constexpr int64_t kColumns = 256;
constexpr int64_t kPart = 32768;
// Rows that are added before the sums in memory are touched.
constexpr int kRows = 4;

/**
 * The matrix with its narrow rows joined into lines of some 64 columns, so that few channels fill vectors too;
 * the last line may be shorter. Lines are cut into blocks of columns, and the matrix into parts of some lines.
 */
struct Lines {
  Lines(int64_t rows, int64_t channels)
      : size(rows * channels),
        channels(channels),
        width(channels * std::clamp<int64_t>(kLine / channels, 1, rows)),
        each(std::max<int64_t>(4 * kRows, kPart / std::min(width, kColumns))),
        blocks(tiles(width, kColumns)),
        parts(tiles(tiles(size, width), each)) {}

  int64_t size, channels, width, each, blocks, parts;

  /**
   * body(part, column, begin, lines, columns) for all parts and blocks: `lines` lines of `columns` elements, `width`
   * apart from element `begin` on. The last line is handed over alone where it is shorter.
   */
  template <class Body>
  void forParts(const Body& body) const {
    parallel(parts * blocks, tiles(kGrain, kPart), [&](int64_t from, int64_t to) {
      for (int64_t item = from; item < to; item++) {
        const int64_t part = item / blocks;
        const int64_t column = item % blocks * kColumns;
        const int64_t columns = std::min(kColumns, width - column);
        const int64_t first = part * each;
        const int64_t whole = std::min(each, size / width - first);
        body(part, column, first * width + column, whole, columns);
        const int64_t rest = first + whole == size / width && whole < each ? size % width : 0;
        if (rest > column) body(part, column, (first + whole) * width + column, 1, std::min(columns, rest - column));
      }
    });
  }

  /** A value a channel, again for every row of a line. */
  float* repeat(const float* values, Scratch& scratch) const {
    auto* line = scratch.take<float>(width);
    for (int64_t i = 0; i < width; i++) line[i] = values[i % channels];
    return line;
  }
};

/** Two sums a column for each part of the lines. */
class Partial {
 public:
  Partial(const Lines& lines, Scratch& scratch)
      : lines_(lines), sums_(scratch.take<double>(2 * lines.parts * lines.width)) {
    std::fill_n(sums_, 2 * lines.parts * lines.width, 0.0);
  }
  double* first(int64_t part) const { return sums_ + 2 * part * lines_.width; }
  double* second(int64_t part) const { return first(part) + lines_.width; }
  /** Both sums of a channel, part by part. */
  std::pair<double, double> of(int64_t channel) const {
    std::pair<double, double> total{0.0, 0.0};
    for (int64_t part = 0; part < lines_.parts; part++) {
      for (int64_t i = channel; i < lines_.width; i += lines_.channels) {
        total.first += first(part)[i];
        total.second += second(part)[i];
      }
    }
    return total;
  }

 private:
  const Lines& lines_;
  double* sums_;
};

/** What makes y of x, a value a column of a line: mean, factor, beta. */
struct Affine {
  const float *mean, *factor, *beta;

  float of(float x, int64_t column) const { return (x - mean[column]) * factor[column] + beta[column]; }
};

/**
 * Batch norm by the running statistics that `launch` names, of y [rows, channels] where it lies: the second half of a
 * launch whose first half is what comes before the norm.
 */
Run inPlace(Launch& launch, float* y, int64_t rows, int64_t channels);

}  // namespace selfsame::batch_norm
