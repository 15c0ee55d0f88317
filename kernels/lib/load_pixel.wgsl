// Pixel number `at` of the binding `x` (needs lib/pixel.wgsl).
fn load_pixel(at: u32) -> Pixel {
#if CHANNELS == 1
  return x[at];
#else
  return vec3<f32>(x[3u * at], x[3u * at + 1u], x[3u * at + 2u]);
#endif
}
