#include <algorithm>
#include <string>

#include "launch.h"
#include "parallel.h"

/** Windows over images [batch, height, width, channels]: kernels/pool.wgsl and pool_gradient.wgsl. */
namespace selfsame {
namespace {

// Channels that are reduced side by side.
constexpr int64_t kChannels = 256;

/** One axis of the windows. */
struct Axis {
  int64_t length, outLength, size, stride, padding;

  /** The real pixels of window p: [begin, end). */
  int64_t begin(int64_t p) const { return std::max<int64_t>(p * stride - padding, 0); }
  int64_t end(int64_t p) const { return std::min(p * stride - padding + size, length); }
  /** The windows that cover pixel i: [first, last). */
  int64_t first(int64_t i) const { return std::max<int64_t>(i + padding - size + stride, 0) / stride; }
  int64_t last(int64_t i) const { return std::min((i + padding) / stride + 1, outLength); }
};

struct Window {
  int64_t batch, channels;
  Axis rows, columns;
};

Axis axisOf(Launch& launch, int index, const char* length, const char* outLength) {
  const Axis axis{launch.size(length), launch.size(outLength), launch.size({"size", index}),
                  launch.size({"stride", index}), launch.whole({"padding", index})};
  // Then every window holds a real pixel.
  const bool fits = axis.padding < axis.size && axis.size <= axis.length + 2 * axis.padding;
  if (!fits || axis.outLength != (axis.length + 2 * axis.padding - axis.size) / axis.stride + 1) {
    launch.refuse("wants a padding below the size and as many windows as fit, got " + std::to_string(axis.outLength) +
                  " of " + std::to_string(axis.size) + " over " + std::to_string(axis.length));
  }
  return axis;
}

Window windowOf(Launch& launch) {
  const Window window{launch.size("batch"), launch.size("channels"), axisOf(launch, 0, "height", "outHeight"),
                      axisOf(launch, 1, "width", "outWidth")};
  if (window.rows.length > INT32_MAX / window.columns.length) {
    launch.refuse("wants images whose pixels have int32 indices");
  }
  return window;
}

SELFSAME_CLONES void takeLarger(const float* x, int32_t here, int64_t count, float* best, int32_t* index) {
  for (int64_t c = 0; c < count; c++) {
    const bool larger = x[c] > best[c];
    best[c] = larger ? x[c] : best[c];
    index[c] = larger ? here : index[c];
  }
}

SELFSAME_CLONES void add(const float* x, int64_t count, float* sum) {
  for (int64_t c = 0; c < count; c++) sum[c] += x[c];
}

SELFSAME_CLONES void divide(float* sum, float by, int64_t count) {
  for (int64_t c = 0; c < count; c++) sum[c] /= by;
}

SELFSAME_CLONES void addDivided(const float* g, float by, int64_t count, float* sum) {
  for (int64_t c = 0; c < count; c++) sum[c] += g[c] / by;
}

SELFSAME_CLONES void addWhere(const float* g, const int32_t* index, int32_t here, int64_t count, float* sum) {
  for (int64_t c = 0; c < count; c++) sum[c] += index[c] == here ? g[c] : 0.0f;
}

SELFSAME_CLONES void takeLarger(const float* x, int64_t count, float* best) {
  for (int64_t c = 0; c < count; c++) best[c] = x[c] > best[c] ? x[c] : best[c];
}

/** One output pixel: the largest value, with `index` also where, or the average; `x` is its image. */
void poolPixel(const Window& w, const float* x, int64_t p, int64_t q, bool average, float* y, int32_t* index) {
  const Axis& rows = w.rows;
  const Axis& columns = w.columns;
  const auto real = static_cast<float>((rows.end(p) - rows.begin(p)) * (columns.end(q) - columns.begin(q)));
  for (int64_t c = 0; c < w.channels; c += kChannels) {
    const int64_t count = std::min(kChannels, w.channels - c);
    const int64_t start = rows.begin(p) * columns.length + columns.begin(q);
    if (average) std::fill_n(y + c, count, 0.0f);
    else std::copy_n(x + start * w.channels + c, count, y + c);
    if (index) std::fill_n(index + c, count, static_cast<int32_t>(start));
    for (int64_t i = rows.begin(p); i < rows.end(p); i++) {
      for (int64_t j = columns.begin(q); j < columns.end(q); j++) {
        const int64_t here = i * columns.length + j;
        const float* from = x + here * w.channels + c;
        if (average) add(from, count, y + c);
        else if (index) takeLarger(from, static_cast<int32_t>(here), count, y + c, index + c);
        else takeLarger(from, count, y + c);
      }
    }
    if (average) divide(y + c, real, count);
  }
}

/** One input pixel: every pixel gathers what is its own, windows in order. `g` and `index` are its image's. */
void gradientPixel(const Window& w, const float* g, const int32_t* index, int64_t i, int64_t j, float* dx) {
  const Axis& rows = w.rows;
  const Axis& columns = w.columns;
  const auto here = static_cast<int32_t>(i * columns.length + j);
  std::fill_n(dx, w.channels, 0.0f);
  for (int64_t p = rows.first(i); p < rows.last(i); p++) {
    for (int64_t q = columns.first(j); q < columns.last(j); q++) {
      const int64_t from = (p * columns.outLength + q) * w.channels;
      if (index) {
        addWhere(g + from, index + from, here, w.channels, dx);
      } else {
        const int64_t real = (rows.end(p) - rows.begin(p)) * (columns.end(q) - columns.begin(q));
        addDivided(g + from, static_cast<float>(real), w.channels, dx);
      }
    }
  }
}

/** body(image, row, column) for every pixel of [batch, rows, columns]. */
template <class Body>
void forPixels(int64_t batch, int64_t rows, int64_t columns, int64_t work, const Body& body) {
  parallel(batch * rows, tiles(kGrain, columns * work), [&](int64_t begin, int64_t end) {
    for (int64_t line = begin; line < end; line++) {
      for (int64_t column = 0; column < columns; column++) body(line / rows, line % rows, column);
    }
  });
}

const Op pool("pool", [](Launch& launch) -> Run {
  const Window w = windowOf(launch);
  const int64_t pixels = w.rows.length * w.columns.length;
  const int64_t outPixels = w.rows.outLength * w.columns.outLength;
  const auto* x = launch.in<float>("x", {w.batch, pixels, w.channels});
  auto* y = launch.out<float>("y", {w.batch, w.rows.outLength, w.columns.outLength, w.channels});
  const bool average = launch.flag("average");
  int32_t* index = nullptr;
  if (launch.has("index")) {
    if (average) launch.refuse("wants no index of an average");
    index = launch.out<int32_t>("index", {w.batch, w.rows.outLength, w.columns.outLength, w.channels});
  }
  return [=](Scratch&) {
    const int64_t work = w.channels * w.rows.size * w.columns.size;
    forPixels(w.batch, w.rows.outLength, w.columns.outLength, work, [&](int64_t n, int64_t p, int64_t q) {
      const int64_t to = (n * outPixels + p * w.columns.outLength + q) * w.channels;
      poolPixel(w, x + n * pixels * w.channels, p, q, average, y + to, index ? index + to : nullptr);
    });
  };
});

const Op poolGradient("poolGradient", [](Launch& launch) -> Run {
  const Window w = windowOf(launch);
  const int64_t pixels = w.rows.length * w.columns.length;
  const int64_t outPixels = w.rows.outLength * w.columns.outLength;
  const auto* g = launch.in<float>("g", {w.batch, w.rows.outLength, w.columns.outLength, w.channels});
  const int32_t* index = nullptr;
  if (launch.has("index")) {
    index = launch.in<int32_t>("index", {w.batch, w.rows.outLength, w.columns.outLength, w.channels});
  }
  auto* dx = launch.out<float>("dx", {w.batch, pixels, w.channels});
  return [=](Scratch&) {
    const int64_t work = 2 * w.channels;
    forPixels(w.batch, w.rows.length, w.columns.length, work, [&](int64_t n, int64_t i, int64_t j) {
      const int64_t from = n * outPixels * w.channels;
      float* to = dx + ((n * pixels) + i * w.columns.length + j) * w.channels;
      gradientPixel(w, g + from, index ? index + from : nullptr, i, j, to);
    });
  };
});

}  // namespace
}  // namespace selfsame
