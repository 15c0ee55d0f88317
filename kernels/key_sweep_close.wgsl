// The end of a block of keySweep: sum[i] = factor[i] · sum[i] + the chunks' sums in order, and
// weighted[i, d] = factor[i] · weighted[i, d] + block[d, i], block = keysᵀ · weights.
// Parameters: BEGIN: there was nothing before; WEIGHTED.
// Workgroup 64, one element of weighted an invocation, those with d = 0 make the sums too; rows fastest, as block lies.
// Grid fold(⌈rows·columns / 64⌉), or fold(⌈rows / 64⌉).
// Bindings: partial [chunks, 4·quads]; factor, sum [rows]; then block [columns, 4·quads], weighted [rows, columns] if
// WEIGHTED.
#include "lib/index.wgsl"

struct Params { rows: u32, columns: u32, quads: u32, chunks: u32 }
@group(0) @binding(0) var<storage, read> partial: array<f32>;
@group(0) @binding(1) var<storage, read> factor: array<f32>;
@group(0) @binding(2) var<storage, read_write> sum: array<f32>;
#if WEIGHTED
@group(0) @binding(3) var<storage, read> block: array<f32>;
@group(0) @binding(4) var<storage, read_write> weighted: array<f32>;
#endif
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let at = invocation_index(workgroup, workgroups, local, 64u);
  let i = at % params.rows;
  let d = at / params.rows;
  if (d == 0u) {
    var total = 0.0;
    for (var c = 0u; c < params.chunks; c++) { total += partial[c * 4u * params.quads + i]; }
#if BEGIN
    sum[i] = total;
#else
    sum[i] = sum[i] * factor[i] + total;
#endif
  }
#if WEIGHTED
  if (d >= params.columns) { return; }
  let to = i * params.columns + d;
  let value = block[d * 4u * params.quads + i];
#if BEGIN
  weighted[to] = value;
#else
  weighted[to] = weighted[to] * factor[i] + value;
#endif
#endif
}
