// y[r, :] = gamma · (x[r, :] - mean) · scale + beta, scale = 1 / sqrt(variance + epsilon), both of the row, in two passes;
// statistics[r] = (mean relative to the row's first value, scale). Relative to that, a large mean costs no digits.
// Parameters: GAMMA, BETA: bound, else 1 and 0; T, WIDTH: vec4<f32>, 4 where columns come in fours, else f32, 1 (columns
// counts T); TEAM, SUBGROUPS, WORKGROUP: see lib/team.wgsl.
// TEAM invocations a row; grid fold(⌈rows·TEAM / WORKGROUP⌉).
// Bindings: x, y [rows, columns]; statistics [rows]; then gamma [columns], beta [columns], each where it is.
// Source: Ba, Kiros & Hinton, 2016, https://arxiv.org/abs/1607.06450.
#if SUBGROUPS
enable subgroups;
#endif
#include "lib/index.wgsl"
#include "lib/team.wgsl"

struct Params { rows: u32, columns: u32, epsilon: f32 }
@group(0) @binding(0) var<storage, read> x: array<{{T}}>;
@group(0) @binding(1) var<storage, read_write> y: array<{{T}}>;
@group(0) @binding(2) var<storage, read_write> statistics: array<vec2<f32>>;
#if GAMMA
@group(0) @binding(3) var<storage, read> gamma: array<{{T}}>;
#endif
#if BETA
@group(0) @binding({{3 + GAMMA}}) var<storage, read> beta: array<{{T}}>;
#endif
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size({{WORKGROUP}})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
#include "lib/layer_norm_row.wgsl"
  var sums = {{T}}(0.0);
  for (var c = lane; c < columns; c += {{TEAM}}u) { sums += x[begin + c] - first; }
  let mean = team_sum(sum_of(sums), local) / size;
  var squares = {{T}}(0.0);
  for (var c = lane; c < columns; c += {{TEAM}}u) {
    let away = (x[begin + c] - first) - mean;
    squares += away * away;
  }
  let scale = 1.0 / sqrt(team_sum(sum_of(squares), local) / size + params.epsilon);
  for (var c = lane; c < columns; c += {{TEAM}}u) {
    var value = ((x[begin + c] - first) - mean) * scale;
#if GAMMA
    value *= gamma[c];
#endif
#if BETA
    value += beta[c];
#endif
    y[begin + c] = value;
  }
  if (lane == 0u && row < params.rows) { statistics[row] = vec2<f32>(mean, scale); }
}
