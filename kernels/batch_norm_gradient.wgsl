// dx = gamma / sqrt(variance + epsilon) · (g' - Σg' / rows - x̂ · Σg'x̂ / rows), or without the sums when the
// statistics were constants (not BATCH); x̂ and g' as in batch_norm_gradient_sums. Ioffe & Szegedy (2015), section 3.
// Parameters: T: vec4<f32> or f32; BATCH; RELU: y is bound and masks g.
// Workgroup 64, one walker in one column an invocation (lib/walk.wgsl); grid fold(⌈walkers·columns / 64⌉), z = splits.
// Bindings: g, x [splits, rows, columns]; coefficients [splits, 4, columns]; Σg', Σg'x̂ [splits, columns]; dx, y of x's
// shape.
#include "lib/index.wgsl"
#include "lib/walk.wgsl"

struct Params { rows: u32, columns: u32, bundle: u32, chunk: u32, walkers: u32 }
@group(0) @binding(0) var<storage, read> g: array<{{T}}>;
@group(0) @binding(1) var<storage, read> x: array<{{T}}>;
@group(0) @binding(2) var<storage, read> coefficients: array<{{T}}>;
@group(0) @binding(3) var<storage, read> sum: array<{{T}}>;
@group(0) @binding(4) var<storage, read> product: array<{{T}}>;
@group(0) @binding(5) var<storage, read_write> dx: array<{{T}}>;
#if RELU
@group(0) @binding(6) var<storage, read> y: array<{{T}}>;
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
  let factor = coefficients[own + 2u * params.columns];
#if BATCH
  let mean = coefficients[own];
  let constant = sum[workgroup.z * params.columns + walk.column] / f32(params.rows);
  let slope =
    coefficients[own + params.columns] * product[workgroup.z * params.columns + walk.column] / f32(params.rows);
#endif
  var i = (workgroup.z * params.rows + walk.row) * params.columns + walk.column;
  for (var row = walk.row; row < walk.end; row += params.bundle) {
#if RELU
    var value = select({{T}}(0.0), g[i], y[i] > {{T}}(0.0));
#else
    var value = g[i];
#endif
#if BATCH
    value -= constant + (x[i] - mean) * slope;
#endif
    dx[i] = factor * value;
    i += step;
  }
}
