// out[o, i] = the first r where x[o, r, i] is largest; x [outer, length, inner], out [outer, inner] int32.
// Workgroup 64, one output an invocation; grid fold(⌈outer·inner / 64⌉).
#include "lib/index.wgsl"

struct Params { outer: u32, length: u32, inner: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> out: array<i32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let at = invocation_index(workgroup, workgroups, local, 64u);
  if (at >= params.outer * params.inner) { return; }
  let first = (at / params.inner) * params.length * params.inner + at % params.inner;
  var best = x[first];
  var where_best = 0u;
  for (var r = 1u; r < params.length; r++) {
    let value = x[first + r * params.inner];
    if (value > best) {
      best = value;
      where_best = r;
    }
  }
  out[at] = i32(where_best);
}
