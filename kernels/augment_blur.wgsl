// Last of a view that may blur: the Gaussian of lib/blur.wgsl down the columns (augment_colour.wgsl did the rows), and
// finishes (lib/view.wgsl).
// One invocation makes one pixel. Workgroup 64, grid ⌈pixels / 64⌉ folded, pixels = images · height · width.
// Bindings: parameters f32 [N, 48] (see ops/augment.ts); x and out f32 [N, height, width, CHANNELS].
#include "lib/index.wgsl"
#include "lib/pixel.wgsl"
#include "lib/view.wgsl"
#include "lib/load_pixel.wgsl"
#include "lib/store_pixel.wgsl"
#include "lib/blur.wgsl"

struct Params {
  pixels: u32, height: u32, width: u32, radius: i32,
  mean_0: f32, mean_1: f32, mean_2: f32, deviation_0: f32, deviation_1: f32, deviation_2: f32,
}
@group(0) @binding(0) var<storage, read> parameters: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = invocation_index(workgroup, workgroups, local, 64u);
  if (index >= params.pixels) { return; }
  let n = index / (params.height * params.width);
  let place = i32(index / params.width % params.height);
  let top = index - u32(place) * params.width;
  let value = blurred(top, place, i32(params.height) - 1, params.width, parameters_of(n, 5u).z, params.radius);
  store_pixel(index, finish(value, n, index % (params.height * params.width)));
}
