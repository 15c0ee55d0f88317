// A Gaussian along one axis (needs lib/load_pixel.wgsl):
//
//   blurred = Σ_j w_j x[place + j] / Σ_j w_j,   w_j = exp(−j² / 2σ²),   |j| <= radius
//
// of the pixel at `place` of the line that begins at pixel `start`, whose pixels lie `stride` apart. Beyond `last` and 0
// the edge is repeated. σ = 0 leaves an image as it is. The weights are made anew for every pixel: an array of them, or
// a ring of rows that would do both axes at once, is indexed at run time, which a software adapter turns into chains of
// comparisons (radius 6 took 20 s to compile).
fn blurred(start: u32, place: i32, last: i32, stride: u32, sigma: f32, radius: i32) -> Pixel {
  var value = load_pixel(start + u32(place) * stride);
  if (sigma > 0.0) {
    var total = 1.0;
    for (var j = 1; j <= radius; j++) {
      let weight = exp(-f32(j * j) / (2.0 * sigma * sigma));
      let before = load_pixel(start + u32(max(place - j, 0)) * stride);
      let after = load_pixel(start + u32(min(place + j, last)) * stride);
      value += weight * (before + after);
      total += 2.0 * weight;
    }
    value /= total;
  }
  return value;
}
