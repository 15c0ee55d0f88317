// The gradients of beta and gamma: the sums of the walkers' partial sums, in walker order, split after split.
// Parameters: T: vec4<f32> or f32; SPLIT: the two sums of each split are written too.
// Workgroup 64, one column an invocation; grid ⌈columns / 64⌉.
// Bindings: partial [splits, 2, walkers, columns]; gradients of beta and of gamma [columns]; if SPLIT the sums that they
// are made of [splits, columns].
#include "lib/index.wgsl"

struct Params { columns: u32, walkers: u32, splits: u32 }
@group(0) @binding(0) var<storage, read> partial: array<{{T}}>;
@group(0) @binding(1) var<storage, read_write> beta: array<{{T}}>;
@group(0) @binding(2) var<storage, read_write> gamma: array<{{T}}>;
#if SPLIT
@group(0) @binding(3) var<storage, read_write> sums: array<{{T}}>;
@group(0) @binding(4) var<storage, read_write> products: array<{{T}}>;
#endif
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let column = invocation_index(workgroup, workgroups, local, 64u);
  if (column >= params.columns) { return; }
  var total = {{T}}(0.0);
  var total_product = {{T}}(0.0);
  for (var split = 0u; split < params.splits; split++) {
    var sum = {{T}}(0.0);
    var product = {{T}}(0.0);
    for (var w = 0u; w < params.walkers; w++) {
      let at = (2u * split * params.walkers + w) * params.columns + column;
      sum += partial[at];
      product += partial[at + params.walkers * params.columns];
    }
#if SPLIT
    sums[split * params.columns + column] = sum;
    products[split * params.columns + column] = product;
#endif
    total += sum;
    total_product += product;
  }
  beta[column] = total;
  gamma[column] = total_product;
}
