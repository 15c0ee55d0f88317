// out[r, i] = Σ over k in starts[r] … starts[r + 1] of updates[order[k], i], in the order of k; 0 for an empty row. With
// FACTORS, of factors[order[k]] · updates[⌊order[k] / each⌋, i].
// Sums of 256 terms are added up, so that a long segment keeps its last digits.
// Workgroup 64, one output an invocation; grid fold(⌈rows·inner / 64⌉).
// Bindings: updates [count / each, inner], order u32 [count], starts u32 [rows + 1], out [rows, inner], then factors
// [count] if FACTORS.
#include "lib/index.wgsl"

struct Params { rows: u32, inner: u32, each: u32 }
@group(0) @binding(0) var<storage, read> updates: array<f32>;
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> starts: array<u32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;
#if FACTORS
@group(0) @binding(4) var<storage, read> factors: array<f32>;
#endif
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let at = invocation_index(workgroup, workgroups, local, 64u);
  if (at >= params.rows * params.inner) { return; }
  let row = at / params.inner;
  let i = at % params.inner;
  let end = starts[row + 1u];
  var total = 0.0;
  for (var chunk = starts[row]; chunk < end; chunk += 256u) {
    var part = 0.0;
    for (var k = chunk; k < min(chunk + 256u, end); k++) {
#if FACTORS
      part += factors[order[k]] * updates[order[k] / params.each * params.inner + i];
#else
      part += updates[order[k] * params.inner + i];
#endif
    }
    total += part;
  }
  out[at] = total;
}
