// dx[r, :] = scale[r] · (g - mean(g) - y · mean(g · y)), means over the row; y, scale of normalise_rows.
// Workgroup 64, one row an invocation, no barriers; grid fold(⌈rows / 64⌉).
// Bindings: g, y [rows, columns]; scale [rows]; dx [rows, columns].
#include "lib/index.wgsl"

struct Params { rows: u32, columns: u32 }
@group(0) @binding(0) var<storage, read> g: array<f32>;
@group(0) @binding(1) var<storage, read> y: array<f32>;
@group(0) @binding(2) var<storage, read> scale: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let row = invocation_index(workgroup, workgroups, local, 64u);
  if (row >= params.rows) { return; }
  let begin = row * params.columns;
  let end = begin + params.columns;
  var sum = 0.0;
  var product = 0.0;
  for (var i = begin; i < end; i++) {
    sum += g[i];
    product += g[i] * y[i];
  }
  let mean = sum / f32(params.columns);
  let slope = product / f32(params.columns);
  for (var i = begin; i < end; i++) { dx[i] = scale[row] * (g[i] - mean - y[i] * slope); }
}
