// The pixels along one axis that a position is made from, as PyTorch's grid_sample with align_corners = false has them.
// Parameters: CUBIC: four taps, else two; PADDING: zeros, border or reflection. A place of −1 counts for nothing.
struct Taps { place: array<i32, {{TAPS}}>, weight: array<f32, {{TAPS}}> }

// Where a position outside [0, extent − 1] is read. Reflection mirrors at −½ and extent − ½.
fn padded(position: f32, extent: f32) -> f32 {
#if PADDING == zeros
  return position;
#endif
#if PADDING == border
  return clamp(position, 0.0, extent - 1.0);
#endif
#if PADDING == reflection
  let distance = abs(position + 0.5);
  let folds = floor(distance / extent);
  let rest = distance - folds * extent;
  let mirrored = select(extent - rest, rest, folds - 2.0 * floor(folds / 2.0) == 0.0) - 0.5;
  return clamp(mirrored, 0.0, extent - 1.0);
#endif
}

// Keys' cubic convolution with A = −0.75; distance ≥ 0.
fn cubic(distance: f32) -> f32 {
  if (distance <= 1.0) { return (1.25 * distance - 2.25) * distance * distance + 1.0; }
  return ((-0.75 * distance + 3.75) * distance - 6.0) * distance + 3.0;
}

// Compared as floats first: far outside an integer would not hold the position, and NaN is nowhere.
fn place_of(position: f32, extent: f32) -> i32 {
  return select(-1, i32(position), position >= 0.0 && position < extent);
}

// Bilinear pads the position, bicubic each of its taps.
fn taps_of(position: f32, size: u32) -> Taps {
  let extent = f32(size);
  var taps: Taps;
#if CUBIC
  let low = floor(position);
  for (var t = 0; t < 4; t++) {
    let at = low + f32(t - 1);
    taps.place[t] = place_of(padded(at, extent), extent);
    taps.weight[t] = cubic(abs(position - at));
  }
#else
  let inside = padded(position, extent);
  let low = floor(inside);
  taps.place[0] = place_of(low, extent);
  taps.place[1] = place_of(low + 1.0, extent);
  taps.weight[0] = 1.0 - (inside - low);
  taps.weight[1] = inside - low;
#endif
  return taps;
}

// The position (x, y) in an image of `width` × `height` pixels that the output's pixel (column, row) is read at:
// pixel centres in [−1, 1], through theta, and back to pixels.
fn source_position(n: u32, column: u32, row: u32, out_size: vec2<u32>, size: vec2<u32>) -> vec2<f32> {
  let u = f32(2u * column + 1u) / f32(out_size.x) - 1.0;
  let v = f32(2u * row + 1u) / f32(out_size.y) - 1.0;
  let at = 6u * n;
  let x = theta[at] * u + theta[at + 1u] * v + theta[at + 2u];
  let y = theta[at + 3u] * u + theta[at + 4u] * v + theta[at + 5u];
  return 0.5 * ((vec2<f32>(x, y) + 1.0) * vec2<f32>(size) - 1.0);
}
