// First launch of a view: reads bytes through an affine map.
//
//   out[n,y,x] = Σ taps weight · images[n mod batch, tap] / 255   at the position theta_n · (x, y, 1) in source pixels
//
// One invocation makes one row of one output image. INTERPOLATION bilinear (2 × 2 taps), bicubic (4 × 4 taps, Keys'
// cubic convolution with a = −1/2 as in PIL and TensorFlow, clamped to [0, 1]) or pixelated (bilinear from a grid of
// `cells` points a side that are themselves bilinear: 4 × 4 taps; the map must not turn). PADDING zeros, reflection or
// border. No antialiasing: a crop is enlarged far more often than reduced. With FINISH it also finishes
// (lib/view.wgsl); with CONTRAST it writes the row's sum of what contrast will blend with, after the adjustments that
// come before contrast.
//
// Workgroup 64, grid ⌈rows / 64⌉ folded, rows = images out · height.
// Bindings: images u8 [batch, source height, source width, CHANNELS]; parameters f32 [N, 48] (see ops/augment.ts);
// out f32 [N, height, width, CHANNELS]; with CONTRAST sums f32 [N, height].
#include "lib/index.wgsl"
#include "lib/pixel.wgsl"
#include "lib/view.wgsl"
#include "lib/store_pixel.wgsl"
#include "lib/colour.wgsl"

struct Params {
  rows: u32, batch: u32, source_height: u32, source_width: u32, height: u32, width: u32,
  mean_0: f32, mean_1: f32, mean_2: f32, deviation_0: f32, deviation_1: f32, deviation_2: f32,
}
@group(0) @binding(0) var<storage, read> images: array<u32>;
@group(0) @binding(1) var<storage, read> parameters: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
#if CONTRAST
@group(0) @binding(3) var<storage, read_write> sums: array<f32>;
#endif
@group(1) @binding(0) var<uniform> params: Params;

fn byte(index: u32) -> f32 {
  return f32((images[index / 4u] >> (8u * (index % 4u))) & 255u) / 255.0;
}

fn load(index: u32) -> Pixel {
#if CHANNELS == 1
  return byte(index);
#else
  return vec3<f32>(byte(index), byte(index + 1u), byte(index + 2u));
#endif
}

// A position that lies outside, brought inside: `low` to `high` is the crop, `extent` the image.
fn inside(position: f32, extent: f32, low: f32, high: f32) -> f32 {
#if PADDING == border
  return clamp(position, low, high);
#else
#if PADDING == reflection
  // Mirrored at the outer edges of the first and last pixel, −1/2 and extent − 1/2.
  let distance = abs(position + 0.5);
  let folds = floor(distance / extent);
  let rest = distance - folds * extent;
  return clamp(select(rest, extent - rest, (u32(folds) & 1u) == 1u) - 0.5, 0.0, extent - 1.0);
#else
  return position;
#endif
#endif
}

// Keys 1981, a = −1/2; `distance` from 0 to 2.
fn cubic(distance: f32) -> f32 {
  if (distance <= 1.0) { return (1.5 * distance - 2.5) * distance * distance + 1.0; }
  return ((-0.5 * distance + 2.5) * distance - 4.0) * distance + 2.0;
}

struct Taps { at: array<u32, {{TAPS}}>, weight: array<f32, {{TAPS}}> }

#if INTERPOLATION == pixelated
// The taps of output pixel `index` of `count` along one axis, source = slope · index + offset, through `cells` points.
fn taps_through(index: f32, count: f32, cells: f32, slope: f32, offset: f32, extent: f32, low: f32, high: f32) -> Taps {
  var taps: Taps;
  // Where the two points lie that the pixel is between, in output pixels; without cells both are the pixel itself.
  var points = vec2<f32>(index, index);
  var share = 0.0;
  if (cells >= 1.0) {
    let position = clamp((index + 0.5) * cells / count - 0.5, 0.0, cells - 1.0);
    let first = floor(position);
    share = position - first;
    points = (vec2<f32>(first, min(first + 1.0, cells - 1.0)) + 0.5) * count / cells - 0.5;
  }
#for POINT 0 2
  {
    let padded = inside(slope * points[{{POINT}}] + offset, extent, low, high);
    let near = floor(padded);
    let weight = select(1.0 - share, share, {{POINT}} == 1);
#for SIDE 0 2
    {
      let at = near + {{SIDE}}.0;
      let within = at >= 0.0 && at <= extent - 1.0;
      let part = select(1.0 - (padded - near), padded - near, {{SIDE}} == 1);
      taps.weight[{{2 * SIDE + POINT}}] = select(0.0, weight * part, within);
      taps.at[{{2 * SIDE + POINT}}] = u32(clamp(at, 0.0, extent - 1.0));
    }
#endfor
  }
#endfor
  return taps;
}
#else
// The pixels along one axis that a position is made from. Bilinear pads the position, bicubic each of its taps.
fn taps_at(position: f32, extent: f32, low: f32, high: f32) -> Taps {
  var taps: Taps;
  var at: f32;
#if INTERPOLATION == bilinear
  let padded = inside(position, extent, low, high);
  let first = floor(padded);
  taps.weight[0] = 1.0 - (padded - first);
  taps.weight[1] = padded - first;
#else
  let first = floor(position) - 1.0;
#endif
#for TAP 0 {{TAPS}}
#if INTERPOLATION == bilinear
  at = first + {{TAP}}.0;
#else
  taps.weight[{{TAP}}] = cubic(abs(position - first - {{TAP}}.0));
  at = inside(first + {{TAP}}.0, extent, low, high);
#endif
  // Outside now means zeros, or a weight of nothing at the far edge.
  if (at < 0.0 || at > extent - 1.0) { taps.weight[{{TAP}}] = 0.0; }
  taps.at[{{TAP}}] = u32(clamp(at, 0.0, extent - 1.0));
#endfor
  return taps;
}
#endif

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let row = invocation_index(workgroup, workgroups, local, 64u);
  if (row >= params.rows) { return; }
  let n = row / params.height;
  let y = f32(row % params.height);
  let first = parameters_of(n, 0u);
  let second = parameters_of(n, 1u);
  let bounds = parameters_of(n, 2u);
  let order = parameters_of(n, 3u);
  let factors = parameters_of(n, 4u);
  let rotation = parameters_of(n, 5u).xy;
  let extent = vec2<f32>(f32(params.source_width), f32(params.source_height));
  let image = (n % params.batch) * params.source_height * params.source_width;
  var sum = 0.0;
  for (var x = 0u; x < params.width; x++) {
#if INTERPOLATION == pixelated
    let cells = parameters_of(n, 5u).w;
    let across = taps_through(f32(x), f32(params.width), cells, first.x, first.z, extent.x, bounds.x, bounds.z);
    let down = taps_through(y, f32(params.height), cells, second.x, second.y, extent.y, bounds.y, bounds.w);
#else
    let across = taps_at(first.x * f32(x) + (first.y * y + first.z), extent.x, bounds.x, bounds.z);
    let down = taps_at(first.w * f32(x) + (second.x * y + second.y), extent.y, bounds.y, bounds.w);
#endif
    var value = Pixel(0.0);
#for I 0 {{TAPS}}
    {
      let line = image + down.at[{{I}}] * params.source_width;
      var total = Pixel(0.0);
#for J 0 {{TAPS}}
      total += across.weight[{{J}}] * load({{CHANNELS}}u * (line + across.at[{{J}}]));
#endfor
      value += down.weight[{{I}}] * total;
    }
#endfor
#if INTERPOLATION == bicubic
    value = clamp(value, Pixel(0.0), Pixel(1.0));
#endif
#if CONTRAST
    var before = value;
    for (var i = 0u; i < 4u && order[i] != 2.0; i++) { before = adjust(order[i], before, factors, rotation, 0.0, n); }
    sum += {{CONTRAST}}(before);
#endif
#if FINISH
    value = finish(value, n, row % params.height * params.width + x);
#endif
    store_pixel(row * params.width + x, value);
  }
#if CONTRAST
  sums[row] = sum;
#endif
}
