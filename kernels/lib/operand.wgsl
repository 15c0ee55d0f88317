// What an operand of a product becomes as it is loaded: where HALF, the nearest float16. Two of these multiply to a number
// that float32 holds exactly, so that sums in float32 are all that is rounded after. A driver may take f32(f16(x)) for x,
// and unpack2x16float(pack2x16float(…)) as well (Mesa 25.0 does); quantizeToF16 it must carry out, but that may make zeros
// of numbers below 2^-14, which lie 2^-24 apart.
#if HALF
fn operand(x: f32) -> f32 { return select(quantizeToF16(x), round(x * 0x1p24) * 0x1p-24, abs(x) < 0x1p-14); }
fn operands(x: vec4<f32>) -> vec4<f32> {
  return select(quantizeToF16(x), round(x * 0x1p24) * 0x1p-24, abs(x) < vec4<f32>(0x1p-14));
}
#else
fn operand(x: f32) -> f32 { return x; }
fn operands(x: vec4<f32>) -> vec4<f32> { return x; }
#endif
