// y = x · scale where a uniform number is at least `probability`, else 0. Elements 4i … 4i + 3 take the four words of
// the Philox block with counter (i, step, stream, tag) and key (seed low, seed high). The tag keeps these numbers apart
// from those of every Generator on the host, whose counters end in a stream's name.
// Workgroup 64, four elements an invocation; grid fold(⌈count / 256⌉).
// Bindings: x [count]; state [4] = seed low, seed high, step, 0; y [count].
#include "lib/index.wgsl"
#include "lib/philox.wgsl"

struct Params { count: u32, stream: u32, probability: f32, scale: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> state: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let block = invocation_index(workgroup, workgroups, local, 64u);
  if (4u * block >= params.count) { return; }
  let words = philox(vec4<u32>(block, state[2], params.stream, 0x64726f70u), vec2<u32>(state[0], state[1]));
#for J 0 4
  if (4u * block + {{J}}u < params.count) {
    let kept = uniform_float32(words[{{J}}]) >= params.probability;
    y[4u * block + {{J}}u] = select(0.0, x[4u * block + {{J}}u] * params.scale, kept);
  }
#endfor
}
