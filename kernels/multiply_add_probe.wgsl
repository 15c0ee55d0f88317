// What multiply-adds cost where memory plays no part: every invocation runs two independent chains of vec4s,
// chain = chain · factor + term, 16 times a turn, and stores their sum, so that no compiler may leave them out.
// Two chains hide the latency of the unit and stay in registers also where a processor plays the GPU (lavapipe,
// GFLOP/s: one chain 51, two 115, three 71); 16 steps hide the loop (8: 102). Factor and term are parameters because a
// compiler would see through constants. 256 operations a turn and invocation.
// Workgroup 64, grid fold(invocations / 64). Bindings: out [invocations], a vec4 each.
#include "lib/index.wgsl"

struct Params { turns: u32, factor: f32, term: f32 }
@group(0) @binding(0) var<storage, read_write> out: array<vec4<f32>>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let i = invocation_index(workgroup, workgroups, local, 64u);
  let start = vec4<f32>(f32(local));
  let factor = vec4<f32>(params.factor);
  let term = vec4<f32>(params.term);
  var a = start;
  var b = start + 1.0;
  for (var turn = 0u; turn < params.turns; turn++) {
#for STEP 0 16
    a = a * factor + term;
    b = b * factor + term;
#endfor
  }
  if (i < arrayLength(&out)) {
    out[i] = a + b;
  }
}
