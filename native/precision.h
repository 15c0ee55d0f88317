#pragma once
#include "launch.h"
#include "onednn.h"

namespace selfsame {

/**
 * Whether the products of a launch may be of operands rounded to bfloat16, accumulated and written in float32: its
 * field `precision`, `float32` where there is none. Refuses it on a processor that has no such products: emulated, they
 * take three times as long as float32.
 */
inline bool isBfloat16(Launch& launch) {
  if (!launch.has("precision")) return false;
  const std::string precision = launch.text("precision");
  if (precision == "float32") return false;
  if (precision != "bfloat16") launch.refuse("wants the precision float32 or bfloat16, got " + precision);
  if (!onednn::hasBfloat16()) {
    launch.refuse("bfloat16 would be three times slower than float32 on this processor, which lacks avx512_core_bf16");
  }
  return true;
}

}  // namespace selfsame
