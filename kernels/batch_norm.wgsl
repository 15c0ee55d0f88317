// y = (x - mean) · gamma / sqrt(variance + epsilon) + beta + residual, then ReLU; the factors per channel.
// Parameters: T: vec4<f32> or f32; RELU; RESIDUAL.
// Workgroup 64, one walker in one column an invocation (lib/walk.wgsl); grid fold(⌈walkers·columns / 64⌉), z = splits.
// Bindings: x [splits, rows, columns]; coefficients [splits, 4, columns] of batch_norm_coefficients; y; residual; all
// but the coefficients of x's shape.
#include "lib/index.wgsl"
#include "lib/walk.wgsl"

struct Params { rows: u32, columns: u32, bundle: u32, chunk: u32, walkers: u32 }
@group(0) @binding(0) var<storage, read> x: array<{{T}}>;
@group(0) @binding(1) var<storage, read> coefficients: array<{{T}}>;
@group(0) @binding(2) var<storage, read_write> y: array<{{T}}>;
#if RESIDUAL
@group(0) @binding(3) var<storage, read> residual: array<{{T}}>;
#endif
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let at = invocation_index(workgroup, workgroups, local, 64u);
  if (at >= params.walkers * params.columns) { return; }
  let walk = walk_of(at, params.rows, params.columns, params.bundle, params.chunk);
  let step = params.bundle * params.columns;
  let own = 4u * workgroup.z * params.columns + walk.column;
  let mean = coefficients[own];
  let factor = coefficients[own + 2u * params.columns];
  let beta = coefficients[own + 3u * params.columns];
  var i = (workgroup.z * params.rows + walk.row) * params.columns + walk.column;
  for (var row = walk.row; row < walk.end; row += params.bundle) {
    // Subtracted first: x · factor + constant would lose what a large mean has in common with x.
    var value = (x[i] - mean) * factor + beta;
#if RESIDUAL
    value += residual[i];
#endif
#if RELU
    value = max(value, {{T}}(0.0));
#endif
    y[i] = value;
    i += step;
  }
}
