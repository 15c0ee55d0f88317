// m = β1 m + (1 − β1) g;  v = β2 v + (1 − β2) g²;  w −= lr λ w + a m / (√v·b + ε)
// over a page of `count` vec4s. The host computes, in float64, hyper = [lr λ, a = lr / (1 − β1^t), b = 1 / √(1 − β2^t),
// ε, β1, 1 − β1, β2, 1 − β2] for step t = 1, 2, …
// With SCALED g is multiplied by scaling[0], and nothing is done where that is 0.
// A stream of vec4s (lib/stream.wgsl). Bindings: w, m, v, g [count], hyper [64], with SCALED scaling [1].
// Source: Loshchilov & Hutter, 2017, https://arxiv.org/abs/1711.05101, in the form of torch.optim.AdamW.
#include "lib/stream.wgsl"

struct Params { count: u32, each: u32 }
@group(0) @binding(0) var<storage, read_write> w: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> m: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> v: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> g: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> hyper: array<f32>;
#if SCALED
@group(0) @binding(5) var<storage, read> scaling: array<f32>;
#endif
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size({{WORKGROUP}})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let part = stretch(workgroup, workgroups, local);
#include "lib/gradient_factor.wgsl"
  for (var i = part.begin; i < part.end; i += {{WORKGROUP}}u) {
    let gradient = g[i] * factor;
    let mean = hyper[4] * m[i] + hyper[5] * gradient;
    let square = hyper[6] * v[i] + hyper[7] * gradient * gradient;
    m[i] = mean;
    v[i] = square;
    w[i] -= hyper[0] * w[i] + hyper[1] * mean / (sqrt(square) * hyper[2] + hyper[3]);
  }
}
