// The gradients of beta and gamma: the sums of the walkers' partial sums, in walker order.
// Parameters: T: vec4<f32> or f32.
// Workgroup 64, one column an invocation; grid ⌈columns / 64⌉.
// Bindings: partial [2, walkers, columns]; gradients of beta and of gamma [columns].
#include "lib/index.wgsl"

struct Params { columns: u32, walkers: u32 }
@group(0) @binding(0) var<storage, read> partial: array<{{T}}>;
@group(0) @binding(1) var<storage, read_write> beta: array<{{T}}>;
@group(0) @binding(2) var<storage, read_write> gamma: array<{{T}}>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let column = invocation_index(workgroup, workgroups, local, 64u);
  if (column >= params.columns) { return; }
  var sum = {{T}}(0.0);
  var product = {{T}}(0.0);
  for (var w = 0u; w < params.walkers; w++) {
    sum += partial[w * params.columns + column];
    product += partial[(params.walkers + w) * params.columns + column];
  }
  beta[column] = sum;
  gamma[column] = product;
}
