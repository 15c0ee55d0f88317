// The end of a block of keySweep: sum[i] = factor[i] · sum[i] + the chunks' sums in order.
// Parameters: BEGIN: there was nothing before.
// Workgroup 64, one row an invocation; grid fold(⌈rows / 64⌉).
// Bindings: partial [chunks, 4·quads]; factor, sum [rows].
#include "lib/index.wgsl"

struct Params { rows: u32, quads: u32, chunks: u32 }
@group(0) @binding(0) var<storage, read> partial: array<f32>;
@group(0) @binding(1) var<storage, read> factor: array<f32>;
@group(0) @binding(2) var<storage, read_write> sum: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let i = invocation_index(workgroup, workgroups, local, 64u);
  if (i >= params.rows) { return; }
  var total = 0.0;
  for (var c = 0u; c < params.chunks; c++) { total += partial[c * 4u * params.quads + i]; }
#if BEGIN
  sum[i] = total;
#else
  sum[i] = sum[i] * factor[i] + total;
#endif
}
