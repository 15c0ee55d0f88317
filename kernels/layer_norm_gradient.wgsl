// dx[r, :] = scale · (h - mean(h) - x̂ · mean(h · x̂)), h = gamma · g[r, :], means over the row; x̂ = (x - mean) · scale from
// the statistics of layer_norm.
// Parameters: GAMMA: bound, else 1; T, WIDTH: vec4<f32>, 4 where columns come in fours, else f32, 1 (columns counts T);
// TEAM, SUBGROUPS, WORKGROUP: see lib/team.wgsl.
// TEAM invocations a row; grid fold(⌈rows·TEAM / WORKGROUP⌉).
// Bindings: g, x [rows, columns]; statistics [rows]; dx [rows, columns]; then gamma [columns] if GAMMA.
#if SUBGROUPS
enable subgroups;
#endif
#include "lib/index.wgsl"
#include "lib/team.wgsl"

struct Params { rows: u32, columns: u32 }
@group(0) @binding(0) var<storage, read> g: array<{{T}}>;
@group(0) @binding(1) var<storage, read> x: array<{{T}}>;
@group(0) @binding(2) var<storage, read> statistics: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read_write> dx: array<{{T}}>;
#if GAMMA
@group(0) @binding(4) var<storage, read> gamma: array<{{T}}>;
#endif
@group(1) @binding(0) var<uniform> params: Params;

fn above(at: u32, column: u32) -> {{T}} {
#if GAMMA
  return g[at] * gamma[column];
#else
  return g[at];
#endif
}

@compute @workgroup_size({{WORKGROUP}})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
#include "lib/layer_norm_row.wgsl"
  let of_row = statistics[safe];
  var sums = {{T}}(0.0);
  var products = {{T}}(0.0);
  for (var c = lane; c < columns; c += {{TEAM}}u) {
    let h = above(begin + c, c);
    sums += h;
    products += h * (((x[begin + c] - first) - of_row.x) * of_row.y);
  }
  let mean = team_sum(sum_of(sums), local) / size;
  let slope = team_sum(sum_of(products), local) / size;
  for (var c = lane; c < columns; c += {{TEAM}}u) {
    let normalised = ((x[begin + c] - first) - of_row.x) * of_row.y;
    dx[begin + c] = of_row.y * (above(begin + c, c) - mean - normalised * slope);
  }
}
