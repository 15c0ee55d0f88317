// out[i] = bits, for count 32-bit words.
// Workgroup 256, one word an invocation; grid fold(⌈count / 256⌉).
// Bindings: out [count].
#include "lib/index.wgsl"

struct Params { count: u32, bits: u32 }
@group(0) @binding(0) var<storage, read_write> out: array<u32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let i = invocation_index(workgroup, workgroups, local, 256u);
  if (i < params.count) { out[i] = params.bits; }
}
