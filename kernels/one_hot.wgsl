// out[k, c] = 1 where indices[k] = c, else 0; indices int32 [count], out float32 [count, classes].
// Workgroup 256, one output an invocation; grid fold(⌈count·classes / 256⌉).
#include "lib/index.wgsl"

struct Params { count: u32, classes: u32 }
@group(0) @binding(0) var<storage, read> indices: array<i32>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let at = invocation_index(workgroup, workgroups, local, 256u);
  if (at >= params.count * params.classes) { return; }
  out[at] = select(0.0, 1.0, indices[at / params.classes] == i32(at % params.classes));
}
