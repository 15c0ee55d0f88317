// What the gradient of keys sums over rows: each product q_i · k_j of a block becomes w_ij = factor · exp(s_ij - logSum_i),
// at the row's positive key -factor · missing_i, factor = g / rows; zero past the last row.
// Parameters: BIAS.
// Workgroup 64, a vec4 of four rows an invocation; grid fold(⌈keys·quads / 64⌉).
// Bindings: products [keys, quads] vec4; positive i32, log_sum, missing [rows]; g [1]; bias [keys] if BIAS.
#include "lib/index.wgsl"

struct Params { rows: u32, quads: u32, keys: u32, first: i32, scale: f32 }
@group(0) @binding(0) var<storage, read_write> products: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> positive: array<i32>;
@group(0) @binding(2) var<storage, read> log_sum: array<f32>;
@group(0) @binding(3) var<storage, read> missing: array<f32>;
@group(0) @binding(4) var<storage, read> g: array<f32>;
#if BIAS
@group(0) @binding(5) var<storage, read> bias: array<f32>;
#endif
@group(1) @binding(0) var<uniform> params: Params;
#include "lib/key_similarity.wgsl"

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let at = invocation_index(workgroup, workgroups, local, 64u);
  if (at >= params.keys * params.quads) { return; }
  let quad = at % params.quads;
  let j = at / params.quads;
  let i = 4u * quad + vec4<u32>(0u, 1u, 2u, 3u);
  let safe = min(i, vec4<u32>(params.rows - 1u));
  let all = vec4<f32>(log_sum[safe.x], log_sum[safe.y], log_sum[safe.z], log_sum[safe.w]);
  let left = vec4<f32>(missing[safe.x], missing[safe.y], missing[safe.z], missing[safe.w]);
  let own = vec4<i32>(positive[safe.x], positive[safe.y], positive[safe.z], positive[safe.w]);
  let weight = select(exp(similarity(j, quad) - all), -left, own == vec4<i32>(params.first + i32(j)));
  products[at] = select(vec4<f32>(0.0), weight * (g[0] / f32(params.rows)), i < vec4<u32>(params.rows));
}
