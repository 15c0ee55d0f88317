#include <omp.h>

#include "launch.h"
#include "onednn.h"
#include "precision.h"

namespace selfsame {
namespace {

using onednn::Description;

struct Product {
  int64_t batch, m, n, k;
  bool transposeA, transposeB, sharedA, sharedB, bias, bfloat16;

  onednn::Key key() const {
    return {'m', batch, m, n, k, transposeA, transposeB, sharedA, sharedB, bias, bfloat16, omp_get_max_threads()};
  }
};

/** [batch, rows, columns] of memory that holds [batch, columns, rows] when transposed, one matrix when shared. */
Description matrices(int64_t batch, int64_t rows, int64_t columns, bool transposed, bool shared,
                     onednn::Type type = onednn::Type::f32) {
  const int64_t row = transposed ? 1 : columns;
  const int64_t column = transposed ? rows : 1;
  if (batch == 1) return onednn::strided({rows, columns}, {row, column}, type);
  return onednn::strided({shared ? 1 : batch, rows, columns}, {rows * columns, row, column}, type);
}

std::shared_ptr<onednn::Primitive> compile(const Product& p) {
  const auto a = matrices(p.batch, p.m, p.k, p.transposeA, p.sharedA);
  const auto b = matrices(p.batch, p.k, p.n, p.transposeB, p.sharedB);
  const auto out = matrices(p.batch, p.m, p.n, false, false);
  Description bias;
  if (p.bias) bias = p.batch == 1 ? onednn::strided({1, p.n}, {p.n, 1}) : onednn::strided({1, 1, p.n}, {p.n, p.n, 1});
  const auto read = p.bfloat16 ? onednn::Type::bf16 : onednn::Type::f32;
  const auto wantedA = matrices(p.batch, p.m, p.k, p.transposeA, p.sharedA, read);
  const auto wantedB = matrices(p.batch, p.k, p.n, p.transposeB, p.sharedB, read);
  const auto description = onednn::product(wantedA, wantedB, bias, out);
  std::vector<onednn::Port> ports{
      {DNNL_ARG_SRC, a, wantedA, false}, {DNNL_ARG_WEIGHTS, b, wantedB, false}, {DNNL_ARG_DST, out, out, true}};
  if (p.bias) ports.push_back({DNNL_ARG_BIAS, bias, bias, false});
  return std::make_shared<onednn::Primitive>(description, ports);
}

/** out[b, m, n] = Σ_k op(A)[b, m, k] · op(B)[b, k, n] + bias[n]. */
const Op matmul("matmul", [](Launch& launch) -> Run {
  Product p{launch.size("batch"),      launch.size("m"),          launch.size("n"),       launch.size("k"),
            launch.flag("transposeA"), launch.flag("transposeB"), launch.flag("sharedA"), launch.flag("sharedB"),
            launch.has("bias"),        isBfloat16(launch)};
  const auto* a = launch.in<float>("a", {p.sharedA ? 1 : p.batch, p.m, p.k});
  const auto* b = launch.in<float>("b", {p.sharedB ? 1 : p.batch, p.k, p.n});
  const auto* bias = p.bias ? launch.in<float>("bias", {p.n}) : nullptr;
  auto* out = launch.out<float>("out", {p.batch, p.m, p.n});
  return [=, primitive = std::shared_ptr<onednn::Primitive>()](Scratch& scratch) mutable {
    const onednn::Threads threads(2 * p.batch * p.m * p.n * p.k);
    if (!primitive) primitive = onednn::cached(p.key(), [&] { return compile(p); });
    std::vector<const void*> operands{a, b, out};
    if (bias) operands.push_back(bias);
    primitive->run(operands, scratch);
  };
});

}  // namespace
}  // namespace selfsame
