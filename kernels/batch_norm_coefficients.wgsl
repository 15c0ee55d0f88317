// What a normalisation needs of each channel: mean, 1 / sqrt(variance + epsilon), that times gamma, beta.
// BATCH: mean and biased variance of each split from the walkers' partial ones, in walker order; otherwise the running
// ones. UPDATE (with BATCH): running = (1 - momentum) running + momentum batch, with the unbiased variance, and the mean
// over the splits.
// Parameters: T: vec4<f32> or f32; BATCH, UPDATE; GAMMA, BETA: whether there are any, else 1 and 0; AT_GAMMA, AT_BETA:
// their binding numbers.
// Workgroup 64, one column an invocation; grid ⌈columns / 64⌉.
// Bindings: coefficients [splits, 4, columns]; partial [splits, 2, walkers, columns] if BATCH; running mean and variance
// [columns] unless BATCH without UPDATE; gamma, beta [columns].
#include "lib/index.wgsl"
#include "lib/walk.wgsl"

struct Params {
  splits: u32, rows: u32, columns: u32, bundle: u32, chunk: u32, walkers: u32, momentum: f32, epsilon: f32,
}
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

// The coefficients of one column of one split.
fn write_coefficients(split: u32, column: u32, mean: {{T}}, variance: {{T}}) {
  let own = 4u * split * params.columns + column;
  let scale = 1.0 / sqrt(variance + params.epsilon);
  coefficients[own] = mean;
  coefficients[own + params.columns] = scale;
#if GAMMA
  coefficients[own + 2u * params.columns] = scale * gamma[column];
#else
  coefficients[own + 2u * params.columns] = scale;
#endif
#if BETA
  coefficients[own + 3u * params.columns] = beta[column];
#else
  coefficients[own + 3u * params.columns] = {{T}}(0.0);
#endif
}

#if BATCH
// Mean and sum of squared deviations of one column of one split.
struct Moments { mean: {{T}}, squares: {{T}} }

fn moments_of(split: u32, column: u32) -> Moments {
  let own = 2u * split * params.walkers * params.columns + column;
  // Relative to the first walker's mean, so that a large common mean costs no digits. That walker has rows, always.
  let shift = partial[own];
  var sum = {{T}}(0.0);
  for (var w = 1u; w < params.walkers; w++) {
    let count = f32(rows_walked(w, params.rows, params.bundle, params.chunk));
    sum += count * (partial[own + w * params.columns] - shift);
  }
  let offset = sum / f32(params.rows);
  var squares = {{T}}(0.0);
  for (var w = 0u; w < params.walkers; w++) {
    let count = f32(rows_walked(w, params.rows, params.bundle, params.chunk));
    let away = partial[own + w * params.columns] - shift - offset;
    squares += partial[own + (params.walkers + w) * params.columns] + count * away * away;
  }
  return Moments(shift + offset, squares);
}
#endif

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let column = invocation_index(workgroup, workgroups, local, 64u);
  if (column >= params.columns) { return; }
#if BATCH
  let rows = f32(params.rows);
#if UPDATE
  var mean = {{T}}(0.0);
  var unbiased = {{T}}(0.0);
#endif
  for (var split = 0u; split < params.splits; split++) {
    let moments = moments_of(split, column);
    write_coefficients(split, column, moments.mean, moments.squares / rows);
#if UPDATE
    mean += moments.mean;
    unbiased += moments.squares / (rows - 1.0);
#endif
  }
#if UPDATE
  let splits = f32(params.splits);
  running_mean[column] = (1.0 - params.momentum) * running_mean[column] + params.momentum * (mean / splits);
  running_variance[column] =
    (1.0 - params.momentum) * running_variance[column] + params.momentum * (unbiased / splits);
#endif
#else
  write_coefficients(0u, column, running_mean[column], running_variance[column]);
#endif
}
