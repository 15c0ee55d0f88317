// Colour adjustments of one pixel (needs lib/pixel.wgsl and lib/view.wgsl). HUE is `hsv` or `yiq`; CURVES: whether there
// are the matrix and the curve.

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

#if CURVES
// Every channel a weighted sum of all and a summand.
fn mix_channels(p: Pixel, n: u32) -> Pixel {
#if CHANNELS == 1
  let row = parameters_of(n, 9u);
  return row.x * p + row.w;
#else
  let channels = vec4<f32>(p, 1.0);
  return vec3<f32>(dot(parameters_of(n, 9u), channels), dot(parameters_of(n, 10u), channels),
    dot(parameters_of(n, 11u), channels));
#endif
}

// factor · x^power + summand, x in [0, 1].
fn curve(x: f32, how: vec3<f32>) -> f32 {
  // 0 is 0 to any power here, whatever the device makes of log 0.
  let raised = select(0.0, pow(x, how.x), x > 0.0);
  return clamp(how.y * raised + how.z, 0.0, 1.0);
}

// The curves of saturation and value. A grey pixel has no hue that a saturation could be given to, and stays grey.
fn bend(p: Pixel, n: u32) -> Pixel {
  let third = parameters_of(n, 7u);
  let fourth = parameters_of(n, 8u).xy;
  let inside = clamp(p, Pixel(0.0), Pixel(1.0));
  let of_value = vec3<f32>(third.w, fourth);
#if CHANNELS == 1
  return curve(inside, of_value);
#else
  let value = max(inside.x, max(inside.y, inside.z));
  let chroma = value - min(inside.x, min(inside.y, inside.z));
  let bent = curve(value, of_value);
  if (chroma == 0.0) { return vec3<f32>(bent); }
  // Every channel keeps its place between the largest and the smallest.
  return bent - bent * curve(chroma / value, third.xyz) * ((value - inside) / chroma);
#endif
}
#endif

// code 1 brightness, 2 contrast about `mean`, 3 saturation, 4 hue, with CURVES 5 the matrix and 6 the curves, anything
// else nothing. `factors` in that order, the hue in turns; `rotation` its cosine and sine; n the image. On grey images
// saturation and hue change nothing.
fn adjust(code: f32, p: Pixel, factors: vec4<f32>, rotation: vec2<f32>, mean: f32, n: u32) -> Pixel {
  var result = p;
  switch (u32(code)) {
    case 1u: { result = p * factors.x; }
    case 2u: { result = (p - mean) * factors.y + mean; }
#if CHANNELS == 3
    case 3u: { result = luma(p) + (p - luma(p)) * factors.z; }
    case 4u: { result = turn_hue(p, factors.w, rotation); }
#endif
#if CURVES
    case 5u: { return mix_channels(p, n); }
    case 6u: { return bend(p, n); }
#endif
    default: { return p; }
  }
  return clamp(result, Pixel(0.0), Pixel(1.0));
}
