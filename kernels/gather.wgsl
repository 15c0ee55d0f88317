// out[o, k, i] = x[o, indices[k], i], or 0 where indices[k] is not in [0, length); x [outer, length, inner], any type of
// four bytes, indices int32 [picked], out [outer, picked, inner].
// Workgroup 256, one output an invocation; grid fold(⌈outer·picked·inner / 256⌉).
#include "lib/index.wgsl"

struct Params { outer: u32, length: u32, inner: u32, picked: u32 }
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read> indices: array<i32>;
@group(0) @binding(2) var<storage, read_write> out: array<u32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let at = invocation_index(workgroup, workgroups, local, 256u);
  if (at >= params.outer * params.picked * params.inner) { return; }
  let i = at % params.inner;
  let k = (at / params.inner) % params.picked;
  let o = at / (params.inner * params.picked);
  // A negative index is a large unsigned one.
  let row = u32(indices[k]);
  var value = 0u;
  if (row < params.length) { value = x[(o * params.length + row) * params.inner + i]; }
  out[at] = value;
}
