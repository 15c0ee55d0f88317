// Columns k … k + 3 of a row of z, k a multiple of 4; zeros past the last column, where a load would bring a
// neighbour's numbers. Wants z and params.columns; VEC: z is an array of vec4.
fn columns_of(row: u32, k: u32) -> vec4<f32> {
  let i = row * params.columns + k;
#if VEC
  return z[i / 4u];
#else
  let inside = vec4<u32>(k, k + 1u, k + 2u, k + 3u) < vec4<u32>(params.columns);
  return select(vec4<f32>(0.0), vec4<f32>(z[i], z[i + 1u], z[i + 2u], z[i + 3u]), inside);
#endif
}
