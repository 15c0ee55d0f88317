// out[o, r, i] = value[o, i] where r = index[o, i], else 0: the gradient of a maximum; out [outer, length, inner].
// Workgroup 256, one output an invocation; grid fold(⌈outer·length·inner / 256⌉).
#include "lib/index.wgsl"

struct Params { outer: u32, length: u32, inner: u32 }
@group(0) @binding(0) var<storage, read> value: array<f32>;
@group(0) @binding(1) var<storage, read> index: array<i32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let at = invocation_index(workgroup, workgroups, local, 256u);
  if (at >= params.outer * params.length * params.inner) { return; }
  let i = at % params.inner;
  let r = (at / params.inner) % params.length;
  let chosen = (at / (params.inner * params.length)) * params.inner + i;
  out[at] = select(0.0, value[chosen], index[chosen] == i32(r));
}
