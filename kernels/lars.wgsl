// With ADAPT  r = lr·trust[slot of w], g' = g + λ w; without, for excluded parameters, r = lr, g' = g + λ w:
//   v = μ v + r g';  w −= v
// over a page of `count` vec4s; hyper = [lr, λ, μ, eeta]. Blocks of 16 vec4s (256 bytes) belong to one slot each.
// With SCALED g is multiplied by scaling[0], and nothing is done where that is 0.
// A stream of vec4s (lib/stream.wgsl).
// Bindings: w, v, g [count], hyper [64], with ADAPT trust [slots] and slot_of_block [count / 16], with SCALED scaling [1].
// Source: You, Gitman & Ginsburg, 2017, as in SimCLR's lars_optimizer.py (classic momentum).
#include "lib/stream.wgsl"

struct Params { count: u32, each: u32 }
@group(0) @binding(0) var<storage, read_write> w: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> v: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> g: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> hyper: array<f32>;
#if ADAPT
@group(0) @binding(4) var<storage, read> trust: array<f32>;
@group(0) @binding(5) var<storage, read> slot_of_block: array<u32>;
#endif
#if SCALED
@group(0) @binding({{4 + 2 * ADAPT}}) var<storage, read> scaling: array<f32>;
#endif
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size({{WORKGROUP}})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let part = stretch(workgroup, workgroups, local);
#include "lib/gradient_factor.wgsl"
  for (var i = part.begin; i < part.end; i += {{WORKGROUP}}u) {
#if ADAPT
    let rate = hyper[0] * trust[slot_of_block[i / 16u]];
#else
    let rate = hyper[0];
#endif
    let momentum = hyper[2] * v[i] + rate * (g[i] * factor + hyper[1] * w[i]);
    v[i] = momentum;
    w[i] -= momentum;
  }
}
