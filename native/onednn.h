#pragma once
#include <oneapi/dnnl/dnnl.hpp>

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "memory.h"

/** What differs between the major versions 2 and 3 of oneDNN, and what every op that uses it shares. */
namespace selfsame::onednn {

using Dimensions = dnnl::memory::dims;
using Description = dnnl::memory::desc;

std::string version();
bool hasAvx512();
bool hasBfloat16();

dnnl::engine& engine();
/** The stream of this thread. */
dnnl::stream& stream();

using Type = dnnl::memory::data_type;

/** Elements of `sizes`, `strides` elements apart. */
Description strided(const Dimensions& sizes, const Dimensions& strides, Type type = Type::f32);
/** Elements of `sizes` in whatever layout the primitive likes best. */
Description anyLayout(const Dimensions& sizes, Type type = Type::f32);
Description tagged(const Dimensions& sizes, dnnl::memory::format_tag tag, Type type = Type::f32);

/** An operand of a primitive: as it lies in plain memory, and as the primitive wants it. */
struct Port {
  /** DNNL_ARG_SRC, … */
  int argument;
  Description plain;
  Description wanted;
  bool written;
};

/** A compiled primitive and its arguments, whose addresses change from run to run. */
class Step {
 public:
  template <class PrimitiveDescription>
  explicit Step(const PrimitiveDescription& description)
      : primitive_(description.get()), scratchpad_(empty(description.scratchpad_desc())) {
    arguments_.emplace(DNNL_ARG_SCRATCHPAD, scratchpad_);
  }
  /** The memory behind an argument; its address is set before each run. */
  dnnl::memory bind(int argument, const Description& description);
  void run(Scratch& scratch);

 private:
  static dnnl::memory empty(const Description& description);

  dnnl::primitive primitive_;
  dnnl::memory scratchpad_;
  std::unordered_map<int, dnnl::memory> arguments_;
};

/**
 * A primitive with the reorders around it, for operands that lie in plain memory. A reorder may also round to another
 * type (to the nearest, ties to even). Of one thread.
 */
class Primitive {
 public:
  template <class PrimitiveDescription>
  Primitive(const PrimitiveDescription& description, const std::vector<Port>& ports) : step_(description) {
    for (const Port& port : ports) add(port);
  }
  /** `operands` in the order of the ports; those of ports that are written are written. */
  void run(const std::vector<const void*>& operands, Scratch& scratch);

 private:
  struct Bound {
    dnnl::memory wanted;
    bool written;
    /** Empty where the operand already lies as the primitive wants it. */
    std::unique_ptr<Step> reorder;
    /** The reorder's two sides: the operand, and the same memory as `wanted`. */
    dnnl::memory plain, inner;
  };
  void add(const Port& port);

  Step step_;
  std::vector<Bound> ports_;
};

/** Primitives by shape; making one compiles code. Of one thread, because OpenMP's settings are. */
using Key = std::vector<int64_t>;
std::shared_ptr<Primitive> cached(const Key& key, const std::function<std::shared_ptr<Primitive>()>& make);

/**
 * Takes the calling thread alone for small work, while it lives: a product of 2 million operations takes 20 µs on one
 * thread, and to wake another takes as long. A primitive must be made and run with the same number of threads.
 */
class Threads {
 public:
  explicit Threads(int64_t operations);
  ~Threads();
  Threads(const Threads&) = delete;

 private:
  const int before_;
};

/** Scratchpads come from Scratch, not from oneDNN. */
dnnl::primitive_attr attributes();

/** The sizes of a convolution in oneDNN's order and conventions. */
struct ConvolutionShape {
  Description source, filter, output;
  Dimensions strides, dilations, paddingBefore, paddingAfter;
};

dnnl::convolution_forward::primitive_desc convolutionForward(const ConvolutionShape& shape, dnnl::algorithm algorithm);
/** `forward` is the same convolution with types that its forward pass takes. */
dnnl::convolution_backward_data::primitive_desc convolutionBackwardData(const ConvolutionShape& shape,
                                                                        const ConvolutionShape& forward,
                                                                        dnnl::algorithm algorithm);
dnnl::convolution_backward_weights::primitive_desc convolutionBackwardFilter(const ConvolutionShape& shape,
                                                                             dnnl::algorithm algorithm);
/** `bias` may be empty. */
dnnl::matmul::primitive_desc product(const Description& a, const Description& b, const Description& bias,
                                     const Description& out);

}  // namespace selfsame::onednn
