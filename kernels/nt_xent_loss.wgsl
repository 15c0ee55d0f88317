// The end of NT-Xent's sweep: log_sum[i] = largest + log(sum) = log Σ_{j ≠ i} exp(s_ij), and row i's share of the mean
// loss, (log_sum[i] - s_ip) / rows, p = i ± rows / 2 the other view of the same image. Before, log_sum holds the largest
// similarity and loss the sum of exp(s - largest).
// Workgroup 64, one row an invocation; grid fold(⌈rows / 64⌉). Bindings: z [rows, columns]; log_sum, loss [rows].
#include "lib/index.wgsl"

struct Params { rows: u32, columns: u32, scale: f32 }
@group(0) @binding(0) var<storage, read> z: array<f32>;
@group(0) @binding(1) var<storage, read_write> log_sum: array<f32>;
@group(0) @binding(2) var<storage, read_write> loss: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let i = invocation_index(workgroup, workgroups, local, 64u);
  if (i >= params.rows) { return; }
  let positive = (i + params.rows / 2u) % params.rows;
  var similarity = 0.0;
  for (var c = 0u; c < params.columns; c++) {
    similarity += z[i * params.columns + c] * z[positive * params.columns + c];
  }
  let largest = log_sum[i];
  let relative = log(loss[i]);
  log_sum[i] = largest + relative;
  loss[i] = (largest - similarity * params.scale + relative) / f32(params.rows);
}
