#include <omp.h>

#include <algorithm>

#include "bfloat16_filter.h"
#include "launch.h"
#include "onednn.h"
#include "ops/batch_norm.h"
#include "parallel.h"
#include "precision.h"
#include "winograd.h"

/** Convolution of [N, H, W, C] with [kernelHeight, kernelWidth, C / groups, O], and both its gradients. */
namespace selfsame {
namespace {

struct Sizes {
  int64_t images, height, width, channels, outHeight, outWidth, filters, kernelHeight, kernelWidth;
  int64_t strideY, strideX, top, left, dilationY, dilationX, groups;
  /** Padding below and to the right, worked out from the others. */
  int64_t bottom, right;
  /** Operands are rounded to it; the result is float32. */
  bool bfloat16;

  onednn::Key key(int64_t pass) const {
    return {'c',         pass,         images,      height,  width,   channels, outHeight, outWidth,
            filters,     kernelHeight, kernelWidth, strideY, strideX, top,      left,      dilationY,
            dilationX,   groups,       bfloat16,    omp_get_max_threads()};
  }
  int64_t operations() const {
    return 2 * images * outHeight * outWidth * filters * kernelHeight * kernelWidth * (channels / groups);
  }
};

/** The padding after the last pixel that gives `out` pixels, at least 0. Refuses sizes that no padding fits. */
int64_t paddingAfter(Launch& launch, int64_t size, int64_t out, int64_t kernel, int64_t stride, int64_t dilation,
                     int64_t before) {
  const int64_t reach = dilation * (kernel - 1) + 1;
  const int64_t after = std::max<int64_t>((out - 1) * stride + reach - size - before, 0);
  const int64_t fits = (size + before + after - reach) / stride + 1;
  if (size + before + after < reach || fits != out) {
    launch.refuse("an axis of " + std::to_string(size) + " pixels gives " + std::to_string(fits) + ", got an output of " +
                  std::to_string(out));
  }
  return after;
}

Sizes sizesOf(Launch& launch) {
  const auto size = [&](const char* name, int64_t least = 1) {
    const int64_t value = launch.whole(name, least);
    if (value > INT32_MAX) launch.refuse(std::string("wants ") + name + " below 2^31");
    return value;
  };
  Sizes s{size("images"),      size("height"),    size("width"),     size("channels"), size("outHeight"),
          size("outWidth"),    size("filters"),   size("kernelHeight"), size("kernelWidth"), size("strideY"),
          size("strideX"),     size("top", 0),    size("left", 0),   size("dilationY"), size("dilationX"),
          size("groups"),      0,                 0,                 isBfloat16(launch)};
  if (s.channels % s.groups != 0 || s.filters % s.groups != 0) {
    launch.refuse("wants groups that divide " + std::to_string(s.channels) + " channels and " +
                  std::to_string(s.filters) + " filters, got " + std::to_string(s.groups));
  }
  s.bottom = paddingAfter(launch, s.height, s.outHeight, s.kernelHeight, s.strideY, s.dilationY, s.top);
  s.right = paddingAfter(launch, s.width, s.outWidth, s.kernelWidth, s.strideX, s.dilationX, s.left);
  return s;
}

enum Pass { kForward, kBackwardData, kBackwardFilter };

/**
 * Whether Winograd's algorithm is faster than oneDNN's direct convolution. Measured on two cores with AVX-512: 1.1 to 2.8
 * times as fast from 16 × 32 channels on, for batches of one image as for large ones; slower on 16 × 16 channels, where
 * the transforms outweigh the products, and where less than half of the tiles' 4×4 outputs are used.
 */
bool prefersWinograd(const Sizes& s, Pass pass) {
  const bool applies = s.kernelHeight == 3 && s.kernelWidth == 3 && s.strideY == 1 && s.strideX == 1 &&
                       s.dilationY == 1 && s.dilationX == 1 && s.groups == 1 && s.channels % 16 == 0 &&
                       s.filters % 16 == 0 && winograd::available() && onednn::hasAvx512();
  // Backward-data pads with what is left of the filter.
  if (!applies || s.top > 2 || s.left > 2) return false;
  const int64_t height = pass == kBackwardData ? s.height : s.outHeight;
  const int64_t width = pass == kBackwardData ? s.width : s.outWidth;
  const int64_t outputs = 16 * tiles(height, 4) * tiles(width, 4);
  // The filter is transformed too, whatever the number of tiles.
  return s.channels * s.filters >= 16 * 32 && 2 * height * width >= outputs && s.images * outputs >= 16 * 16;
}

/**
 * Whether bfloat16 is faster than float32 where Winograd's algorithm is not there, with the time to round the operands.
 * Measured on one core of an AMD EPYC with oneDNN 2.6, float32 over bfloat16: 3×3 at stride 2 1.3 to 1.9 forward and
 * backward-data, 1.6 to 2.0 backward-filter, which is ours (oneDNN's is as slow as float32, or has only a reference
 * implementation); 1×1 on few channels 0.9 to 1.1, where rounding outweighs the products. Channels in odd numbers have
 * only a reference implementation, 35 times slower.
 */
bool prefersBfloat16(const Sizes& s, Pass pass) {
  if (s.groups != 1 || s.channels % 16 != 0 || s.filters % 16 != 0) return false;
  if (pass == kBackwardFilter && (s.dilationY != 1 || s.dilationX != 1 || !bfloat16::available())) return false;
  const int64_t elements = s.images * (s.height * s.width * s.channels + s.outHeight * s.outWidth * s.filters);
  return s.operations() >= 64 * elements;
}

std::shared_ptr<onednn::Primitive> compile(const Sizes& s, Pass pass) {
  using onednn::Type;
  using Tag = dnnl::memory::format_tag;
  const onednn::Dimensions sourceSizes{s.images, s.channels, s.height, s.width};
  const onednn::Dimensions outputSizes{s.images, s.filters, s.outHeight, s.outWidth};
  onednn::Dimensions filterSizes{s.filters / s.groups, s.channels / s.groups, s.kernelHeight, s.kernelWidth};
  if (s.groups > 1) filterSizes.insert(filterSizes.begin(), s.groups);
  const auto source = onednn::tagged(sourceSizes, Tag::nhwc);
  const auto filter = onednn::tagged(filterSizes, s.groups == 1 ? Tag::hwio : Tag::hwigo);
  const auto output = onednn::tagged(outputSizes, Tag::nhwc);
  // Images stay as they are, channels last; the small filter is reordered to what suits.
  const Type read = s.bfloat16 ? Type::bf16 : Type::f32;
  const auto shapeOf = [&](Pass which) {
    return onednn::ConvolutionShape{
        onednn::tagged(sourceSizes, Tag::nhwc, which == kBackwardData ? Type::f32 : read),
        onednn::anyLayout(filterSizes, read),
        onednn::tagged(outputSizes, Tag::nhwc, which == kForward ? Type::f32 : read),
        {s.strideY, s.strideX},
        {s.dilationY - 1, s.dilationX - 1},
        {s.top, s.left},
        {s.bottom, s.right}};
  };
  const auto shape = shapeOf(pass);
  const auto algorithm = dnnl::algorithm::convolution_direct;
  if (pass == kForward) {
    const auto d = onednn::convolutionForward(shape, algorithm);
    return std::make_shared<onednn::Primitive>(
        d, std::vector<onednn::Port>{{DNNL_ARG_SRC, source, d.src_desc(), false},
                                     {DNNL_ARG_WEIGHTS, filter, d.weights_desc(), false},
                                     {DNNL_ARG_DST, output, d.dst_desc(), true}});
  }
  if (pass == kBackwardData) {
    const auto d = onednn::convolutionBackwardData(shape, shapeOf(kForward), algorithm);
    return std::make_shared<onednn::Primitive>(
        d, std::vector<onednn::Port>{{DNNL_ARG_DIFF_DST, output, d.diff_dst_desc(), false},
                                     {DNNL_ARG_WEIGHTS, filter, d.weights_desc(), false},
                                     {DNNL_ARG_DIFF_SRC, source, d.diff_src_desc(), true}});
  }
  const auto d = onednn::convolutionBackwardFilter(shape, algorithm);
  return std::make_shared<onednn::Primitive>(
      d, std::vector<onednn::Port>{{DNNL_ARG_SRC, source, d.src_desc(), false},
                                   {DNNL_ARG_DIFF_DST, output, d.diff_dst_desc(), false},
                                   {DNNL_ARG_DIFF_WEIGHTS, filter, d.diff_weights_desc(), true}});
}

Run convolution(const Launch& launch, const Sizes& asked, Pass pass, const float* first, const float* second, float* out) {
  Sizes s = asked;
  const bool canWinograd = launch.settings().winograd && prefersWinograd(s, pass);
  if (canWinograd) {
    const winograd::Sizes sizes{s.images,   s.height,  s.width, s.channels, s.outHeight,
                                s.outWidth, s.filters, s.top,   s.left};
    const auto run = pass == kForward        ? winograd::forward
                     : pass == kBackwardData ? winograd::backwardData
                                             : winograd::backwardFilter;
    return [=](Scratch& scratch) { run(sizes, first, second, out, scratch); };
  }
  s.bfloat16 = s.bfloat16 && prefersBfloat16(s, pass);
  if (s.bfloat16 && pass == kBackwardFilter) {
    const bfloat16::Sizes sizes{s.images,       s.height,      s.width,   s.channels, s.outHeight, s.outWidth, s.filters,
                                s.kernelHeight, s.kernelWidth, s.strideY, s.strideX,  s.top,       s.left};
    return [=](Scratch& scratch) { bfloat16::backwardFilter(sizes, first, second, out, scratch); };
  }
  return [=, primitive = std::shared_ptr<onednn::Primitive>()](Scratch& scratch) mutable {
    const onednn::Threads threads(s.operations());
    if (!primitive) primitive = onednn::cached(s.key(pass), [&] { return compile(s, pass); });
    primitive->run({first, second, out}, scratch);
  };
}

const Op forward("conv2d", [](Launch& launch) -> Run {
  const Sizes s = sizesOf(launch);
  const auto* x = launch.in<float>("x", {s.images, s.height, s.width, s.channels});
  const auto* filter = launch.in<float>("filter", {s.kernelHeight, s.kernelWidth, s.channels / s.groups, s.filters});
  auto* out = launch.out<float>("out", {s.images, s.outHeight, s.outWidth, s.filters});
  return convolution(launch, s, kForward, x, filter, out);
});

const Op normed("conv2dBatchNorm", [](Launch& launch) -> Run {
  const Sizes s = sizesOf(launch);
  const auto* x = launch.in<float>("x", {s.images, s.height, s.width, s.channels});
  const auto* filter = launch.in<float>("filter", {s.kernelHeight, s.kernelWidth, s.channels / s.groups, s.filters});
  auto* out = launch.out<float>("out", {s.images, s.outHeight, s.outWidth, s.filters});
  const Run convolve = convolution(launch, s, kForward, x, filter, out);
  const Run normalise = batch_norm::inPlace(launch, out, s.images * s.outHeight * s.outWidth, s.filters);
  return [=](Scratch& scratch) {
    convolve(scratch);
    normalise(scratch);
  };
});

const Op backwardData("conv2dBackwardData", [](Launch& launch) -> Run {
  const Sizes s = sizesOf(launch);
  const auto* dy = launch.in<float>("dy", {s.images, s.outHeight, s.outWidth, s.filters});
  const auto* filter = launch.in<float>("filter", {s.kernelHeight, s.kernelWidth, s.channels / s.groups, s.filters});
  auto* out = launch.out<float>("out", {s.images, s.height, s.width, s.channels});
  return convolution(launch, s, kBackwardData, dy, filter, out);
});

const Op backwardFilter("conv2dBackwardFilter", [](Launch& launch) -> Run {
  const Sizes s = sizesOf(launch);
  const auto* x = launch.in<float>("x", {s.images, s.height, s.width, s.channels});
  const auto* dy = launch.in<float>("dy", {s.images, s.outHeight, s.outWidth, s.filters});
  auto* out = launch.out<float>("out", {s.kernelHeight, s.kernelWidth, s.channels / s.groups, s.filters});
  return convolution(launch, s, kBackwardFilter, x, dy, out);
});

}  // namespace
}  // namespace selfsame
