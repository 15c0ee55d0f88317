// found[0] becomes 1 where a number of a page of `count` vec4s of gradients is infinite or not a number: where all bits
// of its exponent are set, which is asked of the bits because drivers may assume that floats are finite.
// Whoever finds one writes the same word, so that the result depends on no order.
// A stream of vec4s (lib/stream.wgsl). Bindings: g [count], found [1].
#include "lib/stream.wgsl"

struct Params { count: u32, each: u32 }
@group(0) @binding(0) var<storage, read> g: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> found: array<atomic<u32>>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size({{WORKGROUP}})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let part = stretch(workgroup, workgroups, local);
  var largest = vec4<u32>(0u);
  for (var i = part.begin; i < part.end; i += {{WORKGROUP}}u) { largest = max(largest, g[i] & vec4<u32>(0x7fffffffu)); }
  if (max(max(largest.x, largest.y), max(largest.z, largest.w)) >= 0x7f800000u) { atomicStore(&found[0], 1u); }
}
