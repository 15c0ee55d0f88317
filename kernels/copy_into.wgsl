// to[i] = from[i], or with ACCUMULATE to[i] += from[i], for count elements of type T: vec4<f32> where the tensor is a
// whole number of them, else f32.
// A stream (lib/stream.wgsl). Bindings: source [count], to [count].
#include "lib/stream.wgsl"

struct Params { count: u32, each: u32 }
@group(0) @binding(0) var<storage, read> source: array<{{T}}>;
@group(0) @binding(1) var<storage, read_write> to: array<{{T}}>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size({{WORKGROUP}})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let part = stretch(workgroup, workgroups, local);
  for (var i = part.begin; i < part.end; i += {{WORKGROUP}}u) {
#if ACCUMULATE
    to[i] += source[i];
#else
    to[i] = source[i];
#endif
  }
}
