// partial[c] = (Σ w², Σ (g + λ w)²) over the vec4s ranges[c].x … ranges[c].y − 1: a stretch of one slot; hyper[1] = λ.
// With SCALED g is multiplied by scaling[0]; where that is 0 the result means nothing, and nobody reads it.
// TEAM invocations a range (at most 512 vec4s), four sums side by side; TEAM, SUBGROUPS, WORKGROUP: see lib/team.wgsl.
// Grid fold(⌈count·TEAM / WORKGROUP⌉), count ranges. Bindings: w, g [page], hyper [64], ranges [count], partial [count],
// with SCALED scaling [1].
#if SUBGROUPS
enable subgroups;
#endif
#include "lib/index.wgsl"
#include "lib/team.wgsl"

struct Params { count: u32 }
@group(0) @binding(0) var<storage, read> w: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> g: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> hyper: array<f32>;
@group(0) @binding(3) var<storage, read> ranges: array<vec2<u32>>;
@group(0) @binding(4) var<storage, read_write> partial: array<vec2<f32>>;
#if SCALED
@group(0) @binding(5) var<storage, read> scaling: array<f32>;
#endif
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size({{WORKGROUP}})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let c = invocation_index(workgroup, workgroups, local, {{WORKGROUP}}u) / {{TEAM}}u;
#if TEAM == 1
  if (c >= params.count) { return; }
#endif
#if SCALED
  let factor = scaling[0];
#else
  let factor = 1.0;
#endif
  // Teams past the last range take part in the barriers, and have nothing to sum.
  let range = select(vec2<u32>(0u), ranges[min(c, params.count - 1u)], c < params.count);
  var weights = vec4<f32>();
  var gradients = vec4<f32>();
  for (var i = range.x + local % {{TEAM}}u; i < range.y; i += {{TEAM}}u) {
    let weight = w[i];
    let gradient = g[i] * factor + hyper[1] * weight;
    weights += weight * weight;
    gradients += gradient * gradient;
  }
  let sums = vec2(team_sum(sum_of(weights), local), team_sum(sum_of(gradients), local));
  if (c < params.count && local % {{TEAM}}u == 0u) { partial[c] = sums; }
}
