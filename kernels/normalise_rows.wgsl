// y[r, :] = (x[r, :] - mean) · scale[r], scale = 1 / sqrt(variance + epsilon), both of the row, in two passes.
// Workgroup 64, one row an invocation, no barriers; grid fold(⌈rows / 64⌉).
// Bindings: x, y [rows, columns]; scale [rows].
#include "lib/index.wgsl"

struct Params { rows: u32, columns: u32, epsilon: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> scale: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let row = invocation_index(workgroup, workgroups, local, 64u);
  if (row >= params.rows) { return; }
  let begin = row * params.columns;
  let end = begin + params.columns;
  // Relative to the first value, so that a large mean costs no digits.
  let first = x[begin];
  var sum = 0.0;
  for (var i = begin; i < end; i++) { sum += x[i] - first; }
  let mean = sum / f32(params.columns);
  var squares = 0.0;
  for (var i = begin; i < end; i++) {
    let away = (x[i] - first) - mean;
    squares += away * away;
  }
  let factor = 1.0 / sqrt(squares / f32(params.columns) + params.epsilon);
  for (var i = begin; i < end; i++) { y[i] = ((x[i] - first) - mean) * factor; }
  scale[row] = factor;
}
