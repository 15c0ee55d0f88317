// One row's share of the mean loss: (log Σ exp(x) - Σ target · x) / rows, where the target is 1 - smoothing at the
// label plus smoothing / columns everywhere; and log Σ exp(x), online (Milakov & Gimelshein, 2018): one pass over x.
// A row with a negative label has no share.
// Workgroup 64, one row an invocation; grid fold(⌈rows / 64⌉).
// Bindings: x [rows, columns]; labels [rows]; loss, log_sum [rows].
#include "lib/index.wgsl"

struct Params { rows: u32, columns: u32, smoothing: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<i32>;
@group(0) @binding(2) var<storage, read_write> loss: array<f32>;
@group(0) @binding(3) var<storage, read_write> log_sum: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let row = invocation_index(workgroup, workgroups, local, 64u);
  if (row >= params.rows) { return; }
  let begin = row * params.columns;
  // All relative to the row's first value, so that a large common offset costs no digits.
  let first = x[begin];
  var largest = 0.0;
  var sum = 1.0;
  var total = 0.0;
  for (var i = begin + 1u; i < begin + params.columns; i++) {
    let value = x[i] - first;
    let larger = max(largest, value);
    sum = sum * exp(largest - larger) + exp(value - larger);
    largest = larger;
    total += value;
  }
  let relative = largest + log(sum);
  log_sum[row] = first + relative;
  if (labels[row] < 0) {
    loss[row] = 0.0;
    return;
  }
  let label = x[begin + u32(labels[row])] - first;
  let expected = (1.0 - params.smoothing) * label + params.smoothing * total / f32(params.columns);
  loss[row] = (relative - expected) / f32(params.rows);
}
