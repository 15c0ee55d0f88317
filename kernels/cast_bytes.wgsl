// out[i] = the byte x[i] as a number of the type OUT.
// Workgroup 256, one element an invocation; grid fold(⌈count / 256⌉). Bindings: x u8 [count], out [count].
#include "lib/index.wgsl"

struct Params { count: u32 }
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> out: array<{{OUT}}>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let i = invocation_index(workgroup, workgroups, local, 256u);
  if (i < params.count) { out[i] = {{OUT}}((x[i / 4u] >> (8u * (i % 4u))) & 255u); }
}
