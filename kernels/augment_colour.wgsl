// Second launch of a view, in place: the colour adjustments of every image in its own order, then greyscale.
//
//   x ← adjust(order_k, x)  for k = 0 … 3;   contrast blends with the mean of the image as it was before contrast:
//   mean_n = Σ_y sums[n,y] / (height · width), always added in the same order
//
// With END finish it also finishes (lib/view.wgsl). With END blur it writes the row, blurred along itself, to `out`,
// for augment_blur.wgsl. With END moments it solarises and writes the row's mean and sum of squared deviations of every
// channel instead, for augment_standardise.wgsl. In the last two it may be that there is nothing to adjust (ADJUST).
// One invocation adjusts one row. Workgroup 64, grid ⌈rows / 64⌉ folded, rows = images · height.
// Bindings: parameters f32 [N, 48] (see ops/augment.ts); x f32 [N, height, width, CHANNELS]; with CONTRAST
// sums f32 [N, height]; as binding NEXT with END moments moments f32 [N, height, 2 · CHANNELS], with END blur out as x.
#include "lib/index.wgsl"
#include "lib/pixel.wgsl"
#include "lib/view.wgsl"
#include "lib/colour.wgsl"
#include "lib/load_pixel.wgsl"
#if END == blur
#include "lib/blur.wgsl"
#include "lib/store_pixel.wgsl"
#endif

struct Params {
  rows: u32, height: u32, width: u32, radius: i32,
  mean_0: f32, mean_1: f32, mean_2: f32, deviation_0: f32, deviation_1: f32, deviation_2: f32,
}
@group(0) @binding(0) var<storage, read> parameters: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
#if CONTRAST
@group(0) @binding(2) var<storage, read> sums: array<f32>;
#endif
#if END == moments
@group(0) @binding({{NEXT}}) var<storage, read_write> moments: array<f32>;
#endif
#if END == blur
@group(0) @binding({{NEXT}}) var<storage, read_write> out: array<f32>;
#endif
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let row = invocation_index(workgroup, workgroups, local, 64u);
  if (row >= params.rows) { return; }
  let n = row / params.height;
  let second = parameters_of(n, 1u);
  let order = parameters_of(n, 3u);
  let factors = parameters_of(n, 4u);
  let rotation = parameters_of(n, 5u).xy;
  var sum = 0.0;
#if CONTRAST
  for (var i = 0u; i < params.height; i++) { sum += sums[n * params.height + i]; }
#endif
  let image_mean = sum / f32(params.height * params.width);
#if END == moments
  // About the row's first pixel, so that little is lost where a row is nearly flat.
  var pivot = Pixel(0.0);
  var total = Pixel(0.0);
  var squares = Pixel(0.0);
#endif
  for (var column = 0u; column < params.width; column++) {
    let at = row * params.width + column;
    var value = load_pixel(at);
#if ADJUST
    for (var k = 0u; k < 4u; k++) { value = adjust(order[k], value, factors, rotation, image_mean, n); }
    if (second.z != 0.0) { value = Pixel(luma(value)); }
#endif
#if END == moments
    value = solarise(value, second.w);
    if (column == 0u) { pivot = value; }
    total += value - pivot;
    squares += (value - pivot) * (value - pivot);
#else
#if END == finish
    value = finish(value, n, row % params.height * params.width + column);
#endif
#endif
#if CHANNELS == 1
    x[at] = value;
#else
    x[3u * at] = value.x;
    x[3u * at + 1u] = value.y;
    x[3u * at + 2u] = value.z;
#endif
  }
#if END == moments
  let count = f32(params.width);
  let row_mean = pivot + total / count;
  let row_squares = squares - total * total / count;
#if CHANNELS == 1
  moments[2u * row] = row_mean;
  moments[2u * row + 1u] = row_squares;
#else
#for C 0 3
  moments[6u * row + {{C}}u] = row_mean[{{C}}];
  moments[6u * row + {{C + 3}}u] = row_squares[{{C}}];
#endfor
#endif
#endif
#if END == blur
  let sigma = parameters_of(n, 5u).z;
  let last = i32(params.width) - 1;
  for (var column = 0; column <= last; column++) {
    store_pixel(row * params.width + u32(column), blurred(row * params.width, column, last, 1u, sigma, params.radius));
  }
#endif
}
