// Second launch of a view, in place: the colour adjustments of every image in its own order, then greyscale.
//
//   x ← adjust(order_k, x)  for k = 0 … 3;   contrast blends with the mean of the image as it was before contrast:
//   mean_n = Σ_y sums[n,y] / (height · width), always added in the same order
//
// With FINISH it also solarises and normalises; without, a blur follows and does.
// One invocation adjusts one row. Workgroup 64, grid ⌈rows / 64⌉ folded, rows = images · height.
// Bindings: parameters f32 [N, 24] (see ops/augment.ts); x f32 [N, height, width, CHANNELS]; with CONTRAST
// sums f32 [N, height].
#include "lib/index.wgsl"
#include "lib/pixel.wgsl"
#include "lib/colour.wgsl"

struct Params {
  rows: u32, height: u32, width: u32,
  mean_0: f32, mean_1: f32, mean_2: f32, deviation_0: f32, deviation_1: f32, deviation_2: f32,
}
@group(0) @binding(0) var<storage, read> parameters: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
#if CONTRAST
@group(0) @binding(2) var<storage, read> sums: array<f32>;
#endif
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let row = invocation_index(workgroup, workgroups, local, 64u);
  if (row >= params.rows) { return; }
  let n = row / params.height;
  let second = parameters[6u * n + 1u];
  let order = parameters[6u * n + 3u];
  let factors = parameters[6u * n + 4u];
  let rotation = parameters[6u * n + 5u].xy;
  let mean = vec3<f32>(params.mean_0, params.mean_1, params.mean_2);
  let deviation = vec3<f32>(params.deviation_0, params.deviation_1, params.deviation_2);
  var sum = 0.0;
#if CONTRAST
  for (var i = 0u; i < params.height; i++) { sum += sums[n * params.height + i]; }
#endif
  let image_mean = sum / f32(params.height * params.width);
  for (var column = 0u; column < params.width; column++) {
    let at = {{CHANNELS}}u * (row * params.width + column);
#if CHANNELS == 1
    var value = x[at];
#else
    var value = vec3<f32>(x[at], x[at + 1u], x[at + 2u]);
#endif
    for (var k = 0u; k < 4u; k++) { value = adjust(order[k], value, factors, rotation, image_mean); }
    if (second.z != 0.0) { value = Pixel(luma(value)); }
#if FINISH
    value = normalise(solarise(value, second.w), mean, deviation);
#endif
#if CHANNELS == 1
    x[at] = value;
#else
    x[at] = value.x;
    x[at + 1u] = value.y;
    x[at + 2u] = value.z;
#endif
  }
}
