// Pixel number `at` of the binding `out` (needs lib/pixel.wgsl).
fn store_pixel(at: u32, value: Pixel) {
#if CHANNELS == 1
  out[at] = value;
#else
  out[3u * at] = value.x;
  out[3u * at + 1u] = value.y;
  out[3u * at + 2u] = value.z;
#endif
}
