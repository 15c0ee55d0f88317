// What pairs of rows do to each other in the gradient of NT-Xent: the product z_i · z_j of a block becomes
// scale / all · (exp(s_ij - l_i) + exp(s_ij - l_j) - 2 [j is the other view of i]), l = log_sum of nt_xent_loss, and
// zero for j = i.
// Workgroup 64, a vec4 of four rows i an invocation; grid fold(⌈keys·quads / 64⌉). The block's rows i begin at `row`, its
// rows j at `key`.
// Bindings: products [keys, quads] vec4; log_sum [all].
#include "lib/index.wgsl"

struct Params { all: u32, rows: u32, quads: u32, keys: u32, row: u32, key: u32, scale: f32 }
@group(0) @binding(0) var<storage, read_write> products: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> log_sum: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let at = invocation_index(workgroup, workgroups, local, 64u);
  if (at >= params.keys * params.quads) { return; }
  let j = params.key + at / params.quads;
  let i = params.row + min(4u * (at % params.quads) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(params.rows - 1u));
  let own = vec4<f32>(log_sum[i.x], log_sum[i.y], log_sum[i.z], log_sum[i.w]);
  let s = products[at] * params.scale;
  let other = (i + params.all / 2u) % params.all;
  let wanted = select(vec4<f32>(0.0), vec4<f32>(2.0), other == vec4<u32>(j));
  let weight = (exp(s - own) + exp(s - log_sum[j]) - wanted) * (params.scale / f32(params.all));
  products[at] = select(weight, vec4<f32>(0.0), i == vec4<u32>(j));
}
