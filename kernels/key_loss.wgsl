// After keySweep, with s⁺ = q · positive · scale + bias: a row's share of the mean of -log p⁺, (logSum - s⁺) / rows,
// logSum = log(exp(s⁺) + Σ_j exp(s_j)); largest becomes logSum; sum becomes 1 - p⁺ = Σ_j exp(s_j - logSum), which is no
// difference of large numbers; weighted becomes the gradient of q, scale / rows · (Σ_j exp(s_j - logSum) k_j -
// (1 - p⁺) · positive).
// Parameters: BIAS, WEIGHTED.
// Workgroup 64, one row an invocation; grid fold(⌈rows / 64⌉).
// Bindings: queries, positives [rows, columns]; largest, sum, loss [rows]; then weighted [rows, columns] if WEIGHTED,
// bias [rows] if BIAS.
#include "lib/index.wgsl"

struct Params { rows: u32, columns: u32, scale: f32 }
@group(0) @binding(0) var<storage, read> queries: array<f32>;
@group(0) @binding(1) var<storage, read> positives: array<f32>;
@group(0) @binding(2) var<storage, read_write> largest: array<f32>;
@group(0) @binding(3) var<storage, read_write> sum: array<f32>;
@group(0) @binding(4) var<storage, read_write> loss: array<f32>;
#if WEIGHTED
@group(0) @binding(5) var<storage, read_write> weighted: array<f32>;
#endif
#if BIAS
@group(0) @binding({{5 + WEIGHTED}}) var<storage, read> bias: array<f32>;
#endif
@group(1) @binding(0) var<uniform> params: Params;

// log(1 + x) for x ≥ 0, also where 1 + x rounds x away.
fn log_of_one_plus(x: f32) -> f32 {
  return select(log(1.0 + x), x - x * x * (0.5 - x / 3.0), x < 1e-2);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let i = invocation_index(workgroup, workgroups, local, 64u);
  if (i >= params.rows) { return; }
  let begin = i * params.columns;
  var own = 0.0;
  for (var c = begin; c < begin + params.columns; c++) { own += queries[c] * positives[c]; }
  own *= params.scale;
#if BIAS
  own += bias[i];
#endif
  let most = max(own, largest[i]);
  let kept = exp(largest[i] - most);
  let others = sum[i] * kept;
  let total = others + exp(own - most);
  var log_total = log(total);
  // The sum then is 1 + others, and the loss may be as small as others.
  if (own == most) { log_total = log_of_one_plus(others); }
  loss[i] = (most - own + log_total) / f32(params.rows);
  largest[i] = most + log_total;
  let missing = others / total;
  sum[i] = missing;
#if WEIGHTED
  let factor = params.scale / f32(params.rows);
  for (var c = begin; c < begin + params.columns; c++) {
    weighted[c] = factor * (weighted[c] * (kept / total) - missing * positives[c]);
  }
#endif
}
