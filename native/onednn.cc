#include "onednn.h"

#include <omp.h>

#include <map>

namespace selfsame::onednn {

using dnnl::memory;

std::string version() {
  const auto* found = dnnl::version();
  return std::to_string(found->major) + "." + std::to_string(found->minor) + "." + std::to_string(found->patch);
}

namespace {

bool has(dnnl::cpu_isa isa) {
  // Each instruction set's number has the bits of those it includes.
  const auto wanted = static_cast<unsigned>(isa);
  return (static_cast<unsigned>(dnnl::get_effective_cpu_isa()) & wanted) == wanted;
}

}  // namespace

bool hasAvx512() { return has(dnnl::cpu_isa::avx512_core); }
bool hasBfloat16() { return has(dnnl::cpu_isa::avx512_core_bf16); }

// Never destroyed: the queue's thread may still use them when the process takes its statics down.
dnnl::engine& engine() {
  static auto* engine = new dnnl::engine(dnnl::engine::kind::cpu, 0);
  return *engine;
}

dnnl::stream& stream() {
  thread_local dnnl::stream stream(engine());
  return stream;
}

Description strided(const Dimensions& sizes, const Dimensions& strides, Type type) { return {sizes, type, strides}; }

Description anyLayout(const Dimensions& sizes, Type type) { return tagged(sizes, memory::format_tag::any, type); }

Description tagged(const Dimensions& sizes, memory::format_tag tag, Type type) { return {sizes, type, tag}; }

memory Step::empty(const Description& description) { return {description, engine(), DNNL_MEMORY_NONE}; }

memory Step::bind(int argument, const Description& description) {
  // A memory object is shared by its copies: setting the address of one sets that of all.
  return arguments_.emplace(argument, empty(description)).first->second;
}

void Step::run(Scratch& scratch) {
  const auto bytes = static_cast<int64_t>(scratchpad_.get_desc().get_size());
  if (bytes > 0) scratchpad_.set_data_handle(scratch.take<std::byte>(bytes));
  primitive_.execute(stream(), arguments_);
}

void Primitive::add(const Port& port) {
  Bound bound{step_.bind(port.argument, port.wanted), port.written, nullptr, {}, {}};
  if (port.plain != port.wanted) {
    const auto& from = port.written ? port.wanted : port.plain;
    const auto& to = port.written ? port.plain : port.wanted;
    bound.reorder = std::make_unique<Step>(dnnl::reorder::primitive_desc(engine(), from, engine(), to, attributes()));
    const auto source = bound.reorder->bind(DNNL_ARG_FROM, from);
    const auto target = bound.reorder->bind(DNNL_ARG_TO, to);
    bound.plain = port.written ? target : source;
    bound.inner = port.written ? source : target;
  }
  ports_.push_back(std::move(bound));
}

void Primitive::run(const std::vector<const void*>& operands, Scratch& scratch) {
  for (size_t i = 0; i < ports_.size(); i++) {
    Bound& port = ports_[i];
    auto* operand = const_cast<void*>(operands[i]);
    if (!port.reorder) {
      port.wanted.set_data_handle(operand);
      continue;
    }
    auto* lent = scratch.take<std::byte>(static_cast<int64_t>(port.wanted.get_desc().get_size()));
    port.wanted.set_data_handle(lent);
    port.inner.set_data_handle(lent);
    port.plain.set_data_handle(operand);
    if (!port.written) port.reorder->run(scratch);
  }
  step_.run(scratch);
  for (Bound& port : ports_) {
    if (port.reorder && port.written) port.reorder->run(scratch);
  }
}

std::shared_ptr<Primitive> cached(const Key& key, const std::function<std::shared_ptr<Primitive>()>& make) {
  // More shapes than any model has; a program that invents a shape a step must not fill the memory.
  constexpr size_t kMost = 1024;
  thread_local std::map<Key, std::shared_ptr<Primitive>> primitives;
  const auto found = primitives.find(key);
  if (found != primitives.end()) return found->second;
  if (primitives.size() >= kMost) primitives.clear();
  return primitives[key] = make();
}

Threads::Threads(int64_t operations) : before_(omp_get_max_threads()) {
  if (operations < 2'000'000) omp_set_num_threads(1);
}

Threads::~Threads() { omp_set_num_threads(before_); }

dnnl::primitive_attr attributes() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

#if DNNL_VERSION_MAJOR >= 3

dnnl::convolution_forward::primitive_desc convolutionForward(const ConvolutionShape& shape, dnnl::algorithm algorithm) {
  return {engine(),      dnnl::prop_kind::forward_training, algorithm,           shape.source, shape.filter, shape.output,
          shape.strides, shape.dilations,                   shape.paddingBefore, shape.paddingAfter, attributes()};
}

dnnl::convolution_backward_data::primitive_desc convolutionBackwardData(const ConvolutionShape& shape,
                                                                        const ConvolutionShape& forward,
                                                                        dnnl::algorithm algorithm) {
  return {engine(),      algorithm,       shape.source,        shape.filter,       shape.output,
          shape.strides, shape.dilations, shape.paddingBefore, shape.paddingAfter, convolutionForward(forward, algorithm),
          attributes()};
}

dnnl::convolution_backward_weights::primitive_desc convolutionBackwardFilter(const ConvolutionShape& shape,
                                                                             dnnl::algorithm algorithm) {
  return {engine(),      algorithm,       shape.source,        shape.filter,       shape.output,
          shape.strides, shape.dilations, shape.paddingBefore, shape.paddingAfter, convolutionForward(shape, algorithm),
          attributes()};
}

dnnl::matmul::primitive_desc product(const Description& a, const Description& b, const Description& bias,
                                     const Description& out) {
  return {engine(), a, b, bias, out, attributes()};
}

#else

dnnl::convolution_forward::primitive_desc convolutionForward(const ConvolutionShape& shape, dnnl::algorithm algorithm) {
  return {{dnnl::prop_kind::forward_training, algorithm, shape.source, shape.filter, shape.output, shape.strides,
           shape.dilations, shape.paddingBefore, shape.paddingAfter},
          attributes(),
          engine()};
}

dnnl::convolution_backward_data::primitive_desc convolutionBackwardData(const ConvolutionShape& shape,
                                                                        const ConvolutionShape& forward,
                                                                        dnnl::algorithm algorithm) {
  return {{algorithm, shape.source, shape.filter, shape.output, shape.strides, shape.dilations, shape.paddingBefore,
           shape.paddingAfter},
          attributes(),
          engine(),
          convolutionForward(forward, algorithm)};
}

dnnl::convolution_backward_weights::primitive_desc convolutionBackwardFilter(const ConvolutionShape& shape,
                                                                             dnnl::algorithm algorithm) {
  return {{algorithm, shape.source, shape.filter, shape.output, shape.strides, shape.dilations, shape.paddingBefore,
           shape.paddingAfter},
          attributes(),
          engine(),
          convolutionForward(shape, algorithm)};
}

dnnl::matmul::primitive_desc product(const Description& a, const Description& b, const Description& bias,
                                     const Description& out) {
  return {{a, b, bias, out}, attributes(), engine()};
}

#endif

}  // namespace selfsame::onednn
