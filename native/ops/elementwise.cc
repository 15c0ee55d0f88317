#include <algorithm>
#include <map>
#include <string>
#include <type_traits>

#include "launch.h"
#include "math.h"
#include "parallel.h"
#include "stream.h"

/**
 * out = row(a, b, c) with NumPy broadcasting, for the rows of src/ops/elementwise.table.ts.
 *
 * The output is made in blocks. For each block an operand is a pointer to as many words side by side: into its own
 * memory where it walks along with the output, else into a small copy. So a row is one plain loop, whatever is stretched.
 */
namespace selfsame {
namespace {

constexpr int64_t kBlock = 1024;
constexpr int kOperands = 3;

using Block = void (*)(void* out, const void* const* operands, int64_t count);

template <class Row, class Out, class A, class B>
SELFSAME_CLONES void block(void* out, const void* const* operands, int64_t count) {
  auto* y = static_cast<Out*>(out);
  const auto* a = static_cast<const A*>(operands[0]);
  const auto* b = static_cast<const B*>(operands[1]);
  const auto* c = static_cast<const B*>(operands[2]);
#pragma omp simd
  for (int64_t i = 0; i < count; i++) {
    if constexpr (Row::kOperands == 1) y[i] = Row::of(a[i]);
    else if constexpr (Row::kOperands == 2) y[i] = Row::of(a[i], b[i]);
    else y[i] = Row::of(a[i], b[i], c[i]);
  }
}

#define UNARY(name, formula)               \
  struct name##Row {                       \
    static constexpr int kOperands = 1;    \
    template <class T>                     \
    static T of(T a) {                     \
      return formula;                      \
    }                                      \
  };
#define BINARY(name, formula)              \
  struct name##Row {                       \
    static constexpr int kOperands = 2;    \
    template <class T>                     \
    static auto of(T a, T b) {             \
      return formula;                      \
    }                                      \
  };

UNARY(identity, a)
BINARY(add, a + b)
BINARY(sub, a - b)
BINARY(mul, a* b)
BINARY(div, a / b)
BINARY(pow, std::pow(a, b))
BINARY(maximum, a < b ? b : a)
BINARY(minimum, b < a ? b : a)
BINARY(greater, a > b ? 1.0f : 0.0f)
BINARY(equal, a == b ? 1.0f : 0.0f)
UNARY(exp, expOf(a))
UNARY(log, logOf(a))
UNARY(sqrt, std::sqrt(a))
UNARY(rsqrt, 1.0f / std::sqrt(a))
UNARY(abs, std::abs(a))
UNARY(sign, a > 0 ? 1.0f : a < 0 ? -1.0f : a)
UNARY(neg, -a)
// A NaN passes through: it is what a hunt for NaN looks for.
UNARY(relu, a < 0 ? 0.0f : a)
BINARY(reluGradient, b > 0 ? a : 0.0f)
UNARY(gelu, a* normalDistributionOf(a))
UNARY(geluTanh, 0.5f * a * (1.0f + tanhOf(0.7978845608f * (a + 0.044715f * a * a * a))))
UNARY(geluDerivative, normalDistributionOf(a) + a * normalDensityOf(a))
UNARY(normalDensity, normalDensityOf(a))
UNARY(sigmoid, 1.0f / (1.0f + expOf(-a)))
UNARY(tanh, tanhOf(a))
UNARY(softplus, (a < 0 ? 0.0f : a) + logOfOnePlus(expOf(-std::abs(a))))

struct clampRow {
  static constexpr int kOperands = 3;
  static float of(float a, float low, float high) { return a < low ? low : high < a ? high : a; }
};
struct whereRow {
  static constexpr int kOperands = 3;
  template <class A, class T>
  static T of(A condition, T a, T b) {
    return condition != A(0) ? a : b;
  }
};

/** float32 to an integer is cut towards zero, and what does not fit is the nearest that does; NaN is 0. */
template <class Out>
struct castRow {
  static constexpr int kOperands = 1;
  template <class T>
  static Out of(T a) {
    if constexpr (!std::is_same_v<T, float>) return static_cast<Out>(a);
    else {
      // The largest float below 2³¹ or 2³²; all floats this large are whole.
      constexpr float most = std::is_signed_v<Out> ? 2147483520.0f : 4294967040.0f;
      constexpr float least = std::is_signed_v<Out> ? -2147483648.0f : 0.0f;
      const float known = a == a ? a : 0.0f;
      const float above = known > least ? known : least;
      return static_cast<Out>(above < most ? above : most);
    }
  }
};

struct RowOf {
  int operands;
  Block block;
};

/** Key: the row, the type of its first operand and the type of the others, or of what one operand becomes. */
using Table = std::map<std::string, RowOf>;

template <class Row, class Out, class A = Out, class B = A>
void addTo(Table& table, const char* name, const char* types) {
  table[std::string(name) + " " + types] = {Row::kOperands, block<Row, Out, A, B>};
}

#define FLOATS(name) addTo<name##Row, float>(table, #name, "float32 float32");
#define ALL(name)                                                   \
  FLOATS(name)                                                      \
  addTo<name##Row, int32_t>(table, #name, "int32 int32");           \
  addTo<name##Row, uint32_t>(table, #name, "uint32 uint32");
#define COMPARE(name)                                                           \
  FLOATS(name)                                                                  \
  addTo<name##Row, float, int32_t>(table, #name, "int32 int32");                \
  addTo<name##Row, float, uint32_t>(table, #name, "uint32 uint32");

template <class T>
void addWhere(Table& table, const std::string& type) {
  addTo<whereRow, T, float, T>(table, "where", ("float32 " + type).c_str());
  addTo<whereRow, T, int32_t, T>(table, "where", ("int32 " + type).c_str());
  addTo<whereRow, T, uint32_t, T>(table, "where", ("uint32 " + type).c_str());
}

template <class Out, class From>
void addCast(Table& table, const char* types) {
  addTo<castRow<Out>, Out, From>(table, "identity", types);
}

Table makeTable() {
  Table table;
  ALL(identity) ALL(add) ALL(sub) ALL(mul) ALL(maximum) ALL(minimum)
  COMPARE(greater) COMPARE(equal)
  FLOATS(div) FLOATS(pow) FLOATS(exp) FLOATS(log) FLOATS(sqrt) FLOATS(rsqrt) FLOATS(abs) FLOATS(sign) FLOATS(neg)
  FLOATS(clamp) FLOATS(relu) FLOATS(reluGradient) FLOATS(gelu) FLOATS(geluDerivative) FLOATS(geluTanh)
  FLOATS(normalDensity) FLOATS(sigmoid) FLOATS(tanh) FLOATS(softplus)
  addCast<int32_t, float>(table, "float32 int32");
  addCast<uint32_t, float>(table, "float32 uint32");
  addCast<float, int32_t>(table, "int32 float32");
  addCast<uint32_t, int32_t>(table, "int32 uint32");
  addCast<float, uint32_t>(table, "uint32 float32");
  addCast<int32_t, uint32_t>(table, "uint32 int32");
  addWhere<float>(table, "float32");
  addWhere<int32_t>(table, "int32");
  addWhere<uint32_t>(table, "uint32");
  return table;
}

const RowOf& rowOf(Launch& launch, const std::string& key) {
  static const auto* table = new Table(makeTable());
  const auto found = table->find(key);
  if (found == table->end()) launch.refuse("has no row for " + key);
  return found->second;
}

/** An operand: words in memory some strides apart, or a constant. */
struct Operand {
  const uint32_t* words = nullptr;
  std::vector<int64_t> strides;
  /** Walks along with the output. */
  bool linear = false;
  uint32_t constant = 0;
};

/** Copies the words of an operand that belong to [begin, begin + count) of the output. */
void gather(const Operand& operand, const std::vector<int64_t>& shape, int64_t begin, int64_t count, uint32_t* out) {
  const size_t last = shape.size() - 1;
  int64_t rest = begin / shape[last];
  int64_t column = begin % shape[last];
  while (count > 0) {
    int64_t at = 0;
    int64_t row = rest++;
    for (size_t axis = last; axis-- > 0;) {
      at += row % shape[axis] * operand.strides[axis];
      row /= shape[axis];
    }
    const int64_t run = std::min(shape[last] - column, count);
    const int64_t stride = operand.strides[last];
    const uint32_t* from = operand.words + at + column * stride;
    if (stride == 0) std::fill_n(out, run, *from);
    else for (int64_t i = 0; i < run; i++) out[i] = from[i * stride];
    out += run;
    count -= run;
    column = 0;
  }
}

uint32_t constantOf(Launch& launch, Field field, const std::string& type) {
  const double value = launch.number(field);
  // By way of 64 bits, where both integer types fit.
  if (type != "float32") return static_cast<uint32_t>(static_cast<int64_t>(std::clamp(value, -0x1p62, 0x1p62)));
  return static_cast<uint32_t>(bitsOf(static_cast<float>(value)));
}

Operand operandOf(Launch& launch, int i, const std::vector<int64_t>& shape, const std::string& type) {
  Operand operand;
  if (!launch.isOperand({"operands", i})) {
    operand.constant = constantOf(launch, {"operands", i}, type);
    return operand;
  }
  operand.strides = launch.wholes({"strides", i});
  if (operand.strides.size() != shape.size()) launch.refuse("wants a stride for each axis of an operand");
  int64_t reach = 1;
  int64_t dense = 1;
  operand.linear = true;
  for (size_t axis = shape.size(); axis-- > 0;) {
    const int64_t stride = operand.strides[axis];
    if (shape[axis] != 1 && stride != dense) operand.linear = false;
    dense *= shape[axis];
    if (stride > (int64_t{1} << 50) / shape[axis]) launch.refuse("has strides that no memory could hold");
    reach += stride * (shape[axis] - 1);
  }
  operand.words = launch.in<uint32_t>({"operands", i}, {reach});
  return operand;
}

const Op elementwise("elementwise", [](Launch& launch) -> Run {
  const auto shape = launch.wholes("shape", 1);
  if (shape.empty()) launch.refuse("wants a shape of at least one axis");
  int64_t count = 1;
  for (const int64_t size : shape) {
    if (count > (int64_t{1} << 50) / size) launch.refuse("has sizes that no memory could hold");
    count *= size;
  }
  const int operands = launch.length("operands");
  if (operands < 1 || operands > kOperands) launch.refuse("wants 1 to 3 operands");
  const std::string outType = launch.text("outType");
  const std::string first = launch.text({"types", 0});
  const std::string others = operands > 1 ? launch.text({"types", 1}) : outType;
  const std::string row = launch.text("row");
  const RowOf found = rowOf(launch, row + " " + first + " " + others);
  if (found.operands != operands) launch.refuse(row + " wants " + std::to_string(found.operands) + " operands");
  const bool compares = row == "greater" || row == "equal";
  if (outType != (compares ? "float32" : others)) launch.refuse(row + " does not make " + outType);
  std::vector<Operand> parts;
  for (int i = 0; i < operands; i++) {
    const std::string type = launch.text({"types", i});
    if (type != (i == 0 ? first : others)) launch.refuse("wants operands of one type");
    parts.push_back(operandOf(launch, i, shape, type));
  }
  auto* out = launch.out<uint32_t>("out", {count});

  return [=, parts = std::move(parts), apply = found.block, past = streams(4 * count)](Scratch&) {
    parallel(tiles(count, kBlock), kGrain / kBlock, [&](int64_t firstBlock, int64_t lastBlock) {
      alignas(64) uint32_t copies[kOperands][kBlock], result[kBlock];
      const void* sources[kOperands] = {};
      for (size_t k = 0; k < parts.size(); k++) {
        sources[k] = copies[k];
        if (!parts[k].words) std::fill_n(copies[k], kBlock, parts[k].constant);
      }
      for (int64_t begin = firstBlock * kBlock; begin < std::min(lastBlock * kBlock, count); begin += kBlock) {
        const int64_t size = std::min(kBlock, count - begin);
        for (size_t k = 0; k < parts.size(); k++) {
          if (parts[k].linear) sources[k] = parts[k].words + begin;
          else if (parts[k].words) gather(parts[k], shape, begin, size, copies[k]);
        }
        if (!past) {
          apply(out + begin, sources, size);
          continue;
        }
        apply(result, sources, size);
        stream(result, out + begin, size);
      }
      streamed();
    });
  };
});

}  // namespace
}  // namespace selfsame
