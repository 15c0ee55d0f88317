#include "launch.h"

namespace selfsame {
namespace {

/** ring[counter[2] mod rows, column] = value[0]. */
const Op storeMetric("storeMetric", [](Launch& launch) -> Run {
  const int64_t rows = launch.size("rows");
  const int64_t columns = launch.size("columns");
  const int64_t column = launch.whole("column");
  if (column >= columns) launch.refuse("wants a column below " + std::to_string(columns));
  const auto* value = launch.in<float>("value", {1});
  const auto* counter = launch.in<uint32_t>("counter", {4});
  auto* ring = launch.out<float>("ring", {rows, columns});
  return [=](Scratch&) { ring[(counter[2] % rows) * columns + column] = value[0]; };
});

}  // namespace
}  // namespace selfsame
