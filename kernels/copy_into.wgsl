// to[i] = from[i], or with ACCUMULATE to[i] += from[i], for count 32-bit floats.
// Workgroup 256, one element an invocation (slots of an arena need not hold whole vec4s); grid fold(⌈count / 256⌉).
// Bindings: from [count], to [count].
#include "lib/index.wgsl"

struct Params { count: u32 }
@group(0) @binding(0) var<storage, read> from_: array<f32>;
@group(0) @binding(1) var<storage, read_write> to: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let i = invocation_index(workgroup, workgroups, local, 256u);
  if (i >= params.count) { return; }
#if ACCUMULATE
  to[i] += from_[i];
#else
  to[i] = from_[i];
#endif
}
