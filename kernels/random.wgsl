// Random words, or uniforms in [0, 1), of a stream whose place is in a buffer, so that a replay can draw others.
//
//   out[4 i + j] = word j of philox(counter = (block + i, stream), key = seed)
//
// UNIFORM: out f32, the upper 24 bits of each word. One invocation makes one block of four words.
// Workgroup 64, grid ⌈count / 256⌉ folded. Bindings: state u32 [6] = seed low, high, stream low, high, block low, high;
// out [count].
#include "lib/index.wgsl"
#include "lib/philox.wgsl"

struct Params { count: u32 }
@group(0) @binding(0) var<storage, read> state: array<u32>;
@group(0) @binding(1) var<storage, read_write> out: array<{{TYPE}}>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = invocation_index(workgroup, workgroups, local, 64u);
  if (4u * index >= params.count) { return; }
  let low = state[4] + index;
  let high = state[5] + select(0u, 1u, low < index);
  let words = philox(vec4<u32>(low, high, state[2], state[3]), vec2<u32>(state[0], state[1]));
#for J 0 4
  if (4u * index + {{J}}u < params.count) {
#if UNIFORM
    out[4u * index + {{J}}u] = uniform_float32(words[{{J}}]);
#else
    out[4u * index + {{J}}u] = words[{{J}}];
#endif
  }
#endfor
}
