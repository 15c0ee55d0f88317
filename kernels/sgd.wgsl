// g' = g + λ w;  v = μ v + g';  w −= lr v, or with NESTEROV  w −= lr (g' + μ v)
// over a page of `count` vec4s: weights w, momenta v, gradients g; hyper = [lr, λ, μ].
// With SCALED g is multiplied by scaling[0], and nothing is done where that is 0.
// A stream of vec4s (lib/stream.wgsl). Bindings: w, v, g [count], hyper [64], with SCALED scaling [1].
// Source: Sutskever et al., 2013, in the form of torch.optim.SGD (the learning rate is outside the momentum).
#include "lib/stream.wgsl"

struct Params { count: u32, each: u32 }
@group(0) @binding(0) var<storage, read_write> w: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> v: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> g: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> hyper: array<f32>;
#if SCALED
@group(0) @binding(4) var<storage, read> scaling: array<f32>;
#endif
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size({{WORKGROUP}})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let part = stretch(workgroup, workgroups, local);
#include "lib/gradient_factor.wgsl"
  for (var i = part.begin; i < part.end; i += {{WORKGROUP}}u) {
    let gradient = g[i] * factor + hyper[1] * w[i];
    let momentum = hyper[2] * v[i] + gradient;
    v[i] = momentum;
#if NESTEROV
    w[i] -= hyper[0] * (gradient + hyper[2] * momentum);
#else
    w[i] -= hyper[0] * momentum;
#endif
  }
}
