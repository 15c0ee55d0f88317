// Colour adjustments of one pixel (needs lib/pixel.wgsl). HUE is `hsv` or `yiq`.

#if CHANNELS == 3
#if HUE == hsv
// Turns the hue by `turns` of a full circle, in hue, saturation and value (Smith 1978), as torchvision does.
fn turn_hue(p: Pixel, turns: f32, rotation: vec2<f32>) -> Pixel {
  let value = max(p.x, max(p.y, p.z));
  let chroma = value - min(p.x, min(p.y, p.z));
  if (chroma == 0.0) { return p; }
  var sextant = 4.0 + (p.x - p.y) / chroma;
  if (p.x == value) { sextant = (p.y - p.z) / chroma; }
  else if (p.y == value) { sextant = 2.0 + (p.z - p.x) / chroma; }
  // Channel n of (5, 3, 1) is value − chroma · clamp(min(k, 4 − k), 0, 1) with k = (n + sextant) mod 6.
  let k = vec3<f32>(5.0, 3.0, 1.0) + sextant + 6.0 * turns;
  let wrapped = k - 6.0 * floor(k / 6.0);
  return value - chroma * clamp(min(wrapped, 4.0 - wrapped), Pixel(0.0), Pixel(1.0));
}
#else
// Turns the I,Q plane of YIQ by the angle with (cosine, sine) = rotation: inverse(T) · R · T.
fn turn_hue(p: Pixel, turns: f32, rotation: vec2<f32>) -> Pixel {
  let y = dot(vec3<f32>(0.299, 0.587, 0.114), p);
  let i = dot(vec3<f32>(0.596, -0.274, -0.321), p);
  let q = dot(vec3<f32>(0.211, -0.523, 0.311), p);
  let turned = vec3<f32>(y, rotation.x * i - rotation.y * q, rotation.y * i + rotation.x * q);
  // The inverse of these rounded coefficients, not the textbook's.
  return vec3<f32>(
    dot(vec3<f32>(0.9996643205, 0.9565411897, 0.6208617021), turned),
    dot(vec3<f32>(0.9996248232, -0.2722745032, -0.6474512713), turned),
    dot(vec3<f32>(1.0028122538, -1.1068480906, 1.7054056784), turned));
}
#endif
#endif

// code 1 brightness, 2 contrast about `mean`, 3 saturation, 4 hue, anything else nothing. `factors` in that order, the
// hue in turns; `rotation` its cosine and sine. On grey images saturation and hue change nothing.
fn adjust(code: f32, p: Pixel, factors: vec4<f32>, rotation: vec2<f32>, mean: f32) -> Pixel {
  var result = p;
  switch (u32(code)) {
    case 1u: { result = p * factors.x; }
    case 2u: { result = (p - mean) * factors.y + mean; }
#if CHANNELS == 3
    case 3u: { result = luma(p) + (p - luma(p)) * factors.z; }
    case 4u: { result = turn_hue(p, factors.w, rotation); }
#endif
    default: { return p; }
  }
  return clamp(result, Pixel(0.0), Pixel(1.0));
}
