// largest[i] grows to the maximum of key_sweep_largest's chunks; factor[i] = exp(before - now) is what sums relative to
// the old one shrink by.
// Parameters: BEGIN: there was nothing before.
// Workgroup 64, one row an invocation; grid fold(⌈rows / 64⌉).
// Bindings: partial [chunks, 4·quads]; largest, factor [rows].
#include "lib/index.wgsl"

struct Params { rows: u32, quads: u32, chunks: u32 }
@group(0) @binding(0) var<storage, read> partial: array<f32>;
@group(0) @binding(1) var<storage, read_write> largest: array<f32>;
@group(0) @binding(2) var<storage, read_write> factor: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let i = invocation_index(workgroup, workgroups, local, 64u);
  if (i >= params.rows) { return; }
#if BEGIN
  let before = -1e30;
#else
  let before = largest[i];
#endif
  var now = before;
  for (var c = 0u; c < params.chunks; c++) { now = max(now, partial[c * 4u * params.quads + i]); }
  largest[i] = now;
  factor[i] = exp(before - now);
}
