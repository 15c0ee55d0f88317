// partial[c] = (Σ w², Σ (g + λ w)²) over the vec4s ranges[c].x … ranges[c].y − 1: a stretch of one slot; hyper[1] = λ.
// With SCALED g is multiplied by scaling[0]; where that is 0 the result means nothing, and nobody reads it.
// Workgroup 64, one range (at most 512 vec4s) an invocation, serial, four sums side by side: no barriers, one order.
// Grid fold(⌈count / 64⌉), count ranges. Bindings: w, g [page], hyper [64], ranges [count], partial [count], with
// SCALED scaling [1].
#include "lib/index.wgsl"

struct Params { count: u32 }
@group(0) @binding(0) var<storage, read> w: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> g: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> hyper: array<f32>;
@group(0) @binding(3) var<storage, read> ranges: array<vec2<u32>>;
@group(0) @binding(4) var<storage, read_write> partial: array<vec2<f32>>;
#if SCALED
@group(0) @binding(5) var<storage, read> scaling: array<f32>;
#endif
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let c = invocation_index(workgroup, workgroups, local, 64u);
  if (c >= params.count) { return; }
#if SCALED
  let factor = scaling[0];
#else
  let factor = 1.0;
#endif
  let range = ranges[c];
  var weights = vec4<f32>();
  var gradients = vec4<f32>();
  for (var i = range.x; i < range.y; i++) {
    let weight = w[i];
    let gradient = g[i] * factor + hyper[1] * weight;
    weights += weight * weight;
    gradients += gradient * gradient;
  }
  let one = vec4<f32>(1.0);
  partial[c] = vec2(dot(weights, one), dot(gradients, one));
}
