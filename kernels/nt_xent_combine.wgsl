// log_sum[i] = log Σ_{j ≠ i} exp(s_ij) from nt_xent's partial sums, in split order, and row i's share of the mean loss,
// (log_sum[i] - s_ip) / rows, p = i ± rows / 2 the other view of the same image.
// Parameters: VEC: columns is a multiple of 4.
// Workgroup 64, one row an invocation; grid fold(⌈rows / 64⌉).
// Bindings: z [rows, columns]; partial [splits, 2, 4·quads]; log_sum, loss [rows].
#include "lib/index.wgsl"

struct Params { rows: u32, columns: u32, splits: u32, quads: u32, scale: f32 }
#if VEC
@group(0) @binding(0) var<storage, read> z: array<vec4<f32>>;
#else
@group(0) @binding(0) var<storage, read> z: array<f32>;
#endif
@group(0) @binding(1) var<storage, read> partial: array<f32>;
@group(0) @binding(2) var<storage, read_write> log_sum: array<f32>;
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;
#include "lib/unit_rows.wgsl"

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let i = invocation_index(workgroup, workgroups, local, 64u);
  if (i >= params.rows) { return; }
  let stride = 4u * params.quads;
  var largest = -1e30;
  for (var s = 0u; s < params.splits; s++) { largest = max(largest, partial[2u * s * stride + i]); }
  var sum = 0.0;
  for (var s = 0u; s < params.splits; s++) {
    sum += partial[(2u * s + 1u) * stride + i] * exp(partial[2u * s * stride + i] - largest);
  }
  let positive = (i + params.rows / 2u) % params.rows;
  var similarity = 0.0;
  for (var k = 0u; k < params.columns; k += 4u) { similarity += dot(columns_of(i, k), columns_of(positive, k)); }
  log_sum[i] = largest + log(sum);
  loss[i] = (largest - similarity * params.scale + log(sum)) / f32(params.rows);
}
