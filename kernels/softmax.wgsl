// y[r, :] = exp(x[r, :] - m) / Σ exp(x[r, :] - m), m the row's largest, or with LOG its logarithm x - m - log Σ.
// Parameters: LOG; T, WIDTH: vec4<f32>, 4 where columns come in fours, else f32, 1 (columns counts T); TEAM, SUBGROUPS,
// WORKGROUP: see lib/team.wgsl.
// TEAM invocations a row; grid fold(⌈rows·TEAM / WORKGROUP⌉). Bindings: x, y [rows, columns].
#if SUBGROUPS
enable subgroups;
#endif
#include "lib/index.wgsl"
#include "lib/team.wgsl"

struct Params { rows: u32, columns: u32 }
@group(0) @binding(0) var<storage, read> x: array<{{T}}>;
@group(0) @binding(1) var<storage, read_write> y: array<{{T}}>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size({{WORKGROUP}})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let row = invocation_index(workgroup, workgroups, local, {{WORKGROUP}}u) / {{TEAM}}u;
#if TEAM == 1
  if (row >= params.rows) { return; }
#endif
  // Teams past the last row take part in the barriers, and have no columns.
  let begin = min(row, params.rows - 1u) * params.columns;
  let end = select(begin, begin + params.columns, row < params.rows);
  let first = begin + local % {{TEAM}}u;
  var most = x[begin];
  for (var i = first; i < end; i += {{TEAM}}u) { most = max(most, x[i]); }
  let largest = team_largest(largest_of(most), local);
  var sums = {{T}}(0.0);
  for (var i = first; i < end; i += {{TEAM}}u) { sums += exp(x[i] - largest); }
  let sum = team_sum(sum_of(sums), local);
#if LOG
  let log_sum = log(sum);
  for (var i = first; i < end; i += {{TEAM}}u) { y[i] = x[i] - largest - log_sum; }
#else
  let factor = 1.0 / sum;
  for (var i = first; i < end; i += {{TEAM}}u) { y[i] = exp(x[i] - largest) * factor; }
#endif
}
