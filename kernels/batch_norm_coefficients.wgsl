// What a normalisation needs of each channel: mean, 1 / sqrt(variance + epsilon), that times gamma, beta.
// BATCH: mean and biased variance from the walkers' partial ones, in walker order; otherwise the running ones.
// UPDATE (with BATCH): running = (1 - momentum) running + momentum batch, with the unbiased variance.
// Parameters: T: vec4<f32> or f32; BATCH, UPDATE; GAMMA, BETA: whether there are any, else 1 and 0; AT_GAMMA, AT_BETA:
// their binding numbers.
// Workgroup 64, one column an invocation; grid ⌈columns / 64⌉.
// Bindings: coefficients [4, columns]; partial [2, walkers, columns] if BATCH; running mean and variance [columns]
// unless BATCH without UPDATE; gamma, beta [columns].
#include "lib/index.wgsl"
#include "lib/walk.wgsl"

struct Params { rows: u32, columns: u32, bundle: u32, chunk: u32, walkers: u32, momentum: f32, epsilon: f32 }
@group(0) @binding(0) var<storage, read_write> coefficients: array<{{T}}>;
#if BATCH
@group(0) @binding(1) var<storage, read> partial: array<{{T}}>;
#if UPDATE
@group(0) @binding(2) var<storage, read_write> running_mean: array<{{T}}>;
@group(0) @binding(3) var<storage, read_write> running_variance: array<{{T}}>;
#endif
#else
@group(0) @binding(1) var<storage, read> running_mean: array<{{T}}>;
@group(0) @binding(2) var<storage, read> running_variance: array<{{T}}>;
#endif
#if GAMMA
@group(0) @binding({{AT_GAMMA}}) var<storage, read> gamma: array<{{T}}>;
#endif
#if BETA
@group(0) @binding({{AT_BETA}}) var<storage, read> beta: array<{{T}}>;
#endif
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let column = invocation_index(workgroup, workgroups, local, 64u);
  if (column >= params.columns) { return; }
#if BATCH
  // Relative to the first walker's mean, so that a large common mean costs no digits. That walker has rows, always.
  let rows = f32(params.rows);
  let shift = partial[column];
  var sum = {{T}}(0.0);
  for (var w = 1u; w < params.walkers; w++) {
    let count = f32(rows_walked(w, params.rows, params.bundle, params.chunk));
    sum += count * (partial[w * params.columns + column] - shift);
  }
  let offset = sum / rows;
  var squares = {{T}}(0.0);
  for (var w = 0u; w < params.walkers; w++) {
    let count = f32(rows_walked(w, params.rows, params.bundle, params.chunk));
    let away = partial[w * params.columns + column] - shift - offset;
    squares += partial[(params.walkers + w) * params.columns + column] + count * away * away;
  }
  let mean = shift + offset;
  let variance = squares / rows;
#if UPDATE
  running_mean[column] = (1.0 - params.momentum) * running_mean[column] + params.momentum * mean;
  running_variance[column] =
    (1.0 - params.momentum) * running_variance[column] + params.momentum * (squares / (rows - 1.0));
#endif
#else
  let mean = running_mean[column];
  let variance = running_variance[column];
#endif
  let scale = 1.0 / sqrt(variance + params.epsilon);
  coefficients[column] = mean;
  coefficients[params.columns + column] = scale;
#if GAMMA
  coefficients[2u * params.columns + column] = scale * gamma[column];
#else
  coefficients[2u * params.columns + column] = scale;
#endif
#if BETA
  coefficients[3u * params.columns + column] = beta[column];
#else
  coefficients[3u * params.columns + column] = {{T}}(0.0);
#endif
}
