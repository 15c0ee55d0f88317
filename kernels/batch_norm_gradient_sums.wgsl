// For each walker and channel, Σ g' and Σ g'·x̂ over its rows, x̂ = (x - mean) / sqrt(variance + epsilon); g' is the
// output's gradient g, with RELU only where the output y was positive.
// Parameters: T: vec4<f32> or f32; RELU: y is bound; MASKED: g' is written, it is the gradient of the residual.
// Workgroup 64, one walker in one column an invocation (lib/walk.wgsl); grid fold(⌈walkers·columns / 64⌉), z = splits.
// Bindings: g, x [splits, rows, columns]; coefficients [splits, 4, columns]; partial [splits, 2, walkers, columns]; y,
// masked of x's shape.
#include "lib/index.wgsl"
#include "lib/walk.wgsl"

struct Params { rows: u32, columns: u32, bundle: u32, chunk: u32, walkers: u32 }
@group(0) @binding(0) var<storage, read> g: array<{{T}}>;
@group(0) @binding(1) var<storage, read> x: array<{{T}}>;
@group(0) @binding(2) var<storage, read> coefficients: array<{{T}}>;
@group(0) @binding(3) var<storage, read_write> partial: array<{{T}}>;
#if RELU
@group(0) @binding(4) var<storage, read> y: array<{{T}}>;
#endif
#if MASKED
@group(0) @binding(5) var<storage, read_write> masked: array<{{T}}>;
#endif
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let at = invocation_index(workgroup, workgroups, local, 64u);
  if (at >= params.walkers * params.columns) { return; }
  let walk = walk_of(at, params.rows, params.columns, params.bundle, params.chunk);
  let step = params.bundle * params.columns;
  let mean = coefficients[4u * workgroup.z * params.columns + walk.column];
  let scale = coefficients[(4u * workgroup.z + 1u) * params.columns + walk.column];
  var i = (workgroup.z * params.rows + walk.row) * params.columns + walk.column;
  var sum = {{T}}(0.0);
  var product = {{T}}(0.0);
  for (var row = walk.row; row < walk.end; ) {
    // Short sums first, then the sum of these: rounding grows with the length of a chain.
    var block_sum = {{T}}(0.0);
    var block_product = {{T}}(0.0);
    let stop = min(row + 16u * params.bundle, walk.end);
    for (; row < stop; row += params.bundle) {
#if RELU
      let value = select({{T}}(0.0), g[i], y[i] > {{T}}(0.0));
#else
      let value = g[i];
#endif
#if MASKED
      masked[i] = value;
#endif
      block_sum += value;
      block_product += value * (x[i] - mean);
      i += step;
    }
    sum += block_sum;
    product += block_product;
  }
  let own = (2u * workgroup.z * params.walkers + walk.walker) * params.columns + walk.column;
  partial[own] = sum;
  partial[own + params.walkers * params.columns] = product * scale;
}
