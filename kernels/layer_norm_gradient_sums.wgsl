// For each walker and column, Σ g and Σ g · x̂ over its rows, x̂ from the statistics of layer_norm: partial sums of the
// gradients of beta and gamma, which batch_norm_gradient_combine adds up.
// Parameters: T, WIDTH: vec4<f32>, 4 where columns come in fours, else f32, 1 (columns counts T).
// Workgroup 64, one walker in one column an invocation (lib/walk.wgsl); grid fold(⌈walkers·columns / 64⌉).
// Bindings: g, x [rows, columns]; statistics [rows]; partial [2, walkers, columns].
#include "lib/index.wgsl"
#include "lib/walk.wgsl"

struct Params { rows: u32, columns: u32, bundle: u32, chunk: u32, walkers: u32 }
@group(0) @binding(0) var<storage, read> g: array<{{T}}>;
@group(0) @binding(1) var<storage, read> x: array<{{T}}>;
@group(0) @binding(2) var<storage, read> statistics: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read_write> partial: array<{{T}}>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let at = invocation_index(workgroup, workgroups, local, 64u);
  if (at >= params.walkers * params.columns) { return; }
  let walk = walk_of(at, params.rows, params.columns, params.bundle, params.chunk);
  var sum = {{T}}(0.0);
  var product = {{T}}(0.0);
  for (var row = walk.row; row < walk.end; row += params.bundle) {
    let begin = row * params.columns;
#if WIDTH == 4
    let first = x[begin].x;
#else
    let first = x[begin];
#endif
    let of_row = statistics[row];
    let value = g[begin + walk.column];
    sum += value;
    product += value * (((x[begin + walk.column] - first) - of_row.x) * of_row.y);
  }
  let own = walk.walker * params.columns + walk.column;
  partial[own] = sum;
  partial[own + params.walkers * params.columns] = product;
}
