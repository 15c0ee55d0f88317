// out[i] = relu(Σ_s parts[s, i] + bias[i mod columns] + residual[i]), of the last three what is asked for, s in order: the
// end of a fixed-order split of a long sum.
// Workgroup 64, one output an invocation; grid fold(⌈count / 64⌉). Parameters: BIAS, RESIDUAL, RELU.
// Bindings: parts [splits, count], out [count], then bias [columns], then residual [count], each where it is.
#include "lib/index.wgsl"

struct Params { count: u32, splits: u32, columns: u32 }
@group(0) @binding(0) var<storage, read> parts: array<f32>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
#if BIAS
@group(0) @binding(2) var<storage, read> bias: array<f32>;
#endif
#if RESIDUAL
@group(0) @binding({{2 + BIAS}}) var<storage, read> residual: array<f32>;
#endif
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let i = invocation_index(workgroup, workgroups, local, 64u);
  if (i >= params.count) { return; }
  var total = 0.0;
  for (var s = 0u; s < params.splits; s++) { total += parts[s * params.count + i]; }
#if BIAS
  total += bias[i % params.columns];
#endif
#if RESIDUAL
  total += residual[i];
#endif
#if RELU
  total = max(total, 0.0);
#endif
  out[i] = total;
}
