// inverse[permutation[i]] = i; both int32 [count].
// Workgroup 256, one element an invocation; grid fold(⌈count / 256⌉).
#include "lib/index.wgsl"

struct Params { count: u32 }
@group(0) @binding(0) var<storage, read> permutation: array<i32>;
@group(0) @binding(1) var<storage, read_write> inverse: array<i32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let i = invocation_index(workgroup, workgroups, local, 256u);
  if (i >= params.count) { return; }
  let to = u32(permutation[i]);
  if (to < params.count) { inverse[to] = i32(i); }
}
