// y[r, :] = exp(x[r, :] - m) / Σ exp(x[r, :] - m), m the row's largest, or with LOG its logarithm x - m - log Σ.
// Workgroup 64, one row an invocation, no barriers; grid fold(⌈rows / 64⌉). Bindings: x, y [rows, columns].
#include "lib/index.wgsl"

struct Params { rows: u32, columns: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let row = invocation_index(workgroup, workgroups, local, 64u);
  if (row >= params.rows) { return; }
  let begin = row * params.columns;
  let end = begin + params.columns;
  var largest = x[begin];
  for (var i = begin + 1u; i < end; i++) { largest = max(largest, x[i]); }
  var sum = 0.0;
  for (var i = begin; i < end; i++) { sum += exp(x[i] - largest); }
#if LOG
  let log_sum = log(sum);
  for (var i = begin; i < end; i++) { y[i] = x[i] - largest - log_sum; }
#else
  let factor = 1.0 / sum;
  for (var i = begin; i < end; i++) { y[i] = exp(x[i] - largest) * factor; }
#endif
}
