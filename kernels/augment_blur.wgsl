// Last of a view that may blur: a Gaussian along one axis, run once along x and once along y (FINISH), where it also
// finishes.
//
//   out[n,y,x] = Σ_j w_j x[n,y,x + j] / Σ_j w_j,   w_j = exp(−j² / 2σ_n²),   |j| <= radius
//
// Beyond the image the edge is repeated. σ = 0 leaves an image as it is. The weights are made anew for every pixel:
// an array of them, or a ring of rows that would do both axes at once, is indexed at run time, which a software adapter
// turns into chains of comparisons (radius 6 took 20 s to compile).
// One invocation makes one pixel. Workgroup 64, grid ⌈pixels / 64⌉ folded, pixels = images · height · width.
// Bindings: parameters f32 [N, 48] (see ops/augment.ts); x and out f32 [N, height, width, CHANNELS].
#include "lib/index.wgsl"
#include "lib/pixel.wgsl"
#include "lib/view.wgsl"

struct Params {
  pixels: u32, height: u32, width: u32, radius: i32,
  mean_0: f32, mean_1: f32, mean_2: f32, deviation_0: f32, deviation_1: f32, deviation_2: f32,
}
@group(0) @binding(0) var<storage, read> parameters: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

fn load(at: i32) -> Pixel {
#if CHANNELS == 1
  return x[at];
#else
  return vec3<f32>(x[3 * at], x[3 * at + 1], x[3 * at + 2]);
#endif
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = invocation_index(workgroup, workgroups, local, 64u);
  if (index >= params.pixels) { return; }
  let n = index / (params.height * params.width);
  let sigma = parameters_of(n, 5u).z;
#if FINISH
  let place = i32(index / params.width % params.height);
  let last = i32(params.height) - 1;
  let stride = i32(params.width);
#else
  let place = i32(index % params.width);
  let last = i32(params.width) - 1;
  let stride = 1;
#endif
  let start = i32(index) - place * stride;
  var value = load(i32(index));
  if (sigma > 0.0) {
    var total = 1.0;
    for (var j = 1; j <= params.radius; j++) {
      let weight = exp(-f32(j * j) / (2.0 * sigma * sigma));
      value += weight * (load(start + max(place - j, 0) * stride) + load(start + min(place + j, last) * stride));
      total += 2.0 * weight;
    }
    value /= total;
  }
#if FINISH
  value = finish(value, n, index % (params.height * params.width));
#endif
#if CHANNELS == 1
  out[index] = value;
#else
  out[3u * index] = value.x;
  out[3u * index + 1u] = value.y;
  out[3u * index + 2u] = value.z;
#endif
}
