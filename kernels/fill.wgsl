// out[i] = bits, for count elements of type T: vec4<u32> where the words come in fours, else u32.
// A stream (lib/stream.wgsl). Bindings: out [count].
#include "lib/stream.wgsl"

struct Params { count: u32, each: u32, bits: u32 }
@group(0) @binding(0) var<storage, read_write> out: array<{{T}}>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size({{WORKGROUP}})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let part = stretch(workgroup, workgroups, local);
  for (var i = part.begin; i < part.end; i += {{WORKGROUP}}u) { out[i] = {{T}}(params.bits); }
}
