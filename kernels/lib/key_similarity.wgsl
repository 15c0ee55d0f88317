// The similarities of key j of a block to four rows, from their dot products. Wants `products` [keys, quads] of vec4 and
// params.scale; BIAS: bias [keys] is added.
fn similarity(j: u32, quad: u32) -> vec4<f32> {
  let value = products[j * params.quads + quad] * params.scale;
#if BIAS
  return value + bias[j];
#else
  return value;
#endif
}
