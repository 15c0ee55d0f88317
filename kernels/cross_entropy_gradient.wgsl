// dx = g · (exp(x - log_sum) - target) / rows, the target as in cross_entropy; g is a scalar in memory. Zero in a row
// with a negative label.
// Workgroup 256, one element an invocation; grid fold(⌈rows·columns / 256⌉).
// Bindings: x [rows, columns]; labels, log_sum [rows]; g [1]; dx [rows, columns].
#include "lib/index.wgsl"

struct Params { rows: u32, columns: u32, smoothing: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<i32>;
@group(0) @binding(2) var<storage, read> log_sum: array<f32>;
@group(0) @binding(3) var<storage, read> g: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let at = invocation_index(workgroup, workgroups, local, 256u);
  if (at >= params.rows * params.columns) { return; }
  let row = at / params.columns;
  if (labels[row] < 0) {
    dx[at] = 0.0;
    return;
  }
  let here = i32(at % params.columns) == labels[row];
  let target_value = select(0.0, 1.0 - params.smoothing, here) + params.smoothing / f32(params.columns);
  dx[at] = g[0] * (exp(x[at] - log_sum[row]) - target_value) / f32(params.rows);
}
