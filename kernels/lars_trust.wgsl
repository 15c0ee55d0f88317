// trust[s] = eeta ‖w‖ / ‖g + λ w‖ where both are above 0, else 1; from partial[c] = (Σ w², Σ (g + λ w)²), c from
// ranges[s].x to ranges[s].y − 1; hyper[3] = eeta.
// TEAM invocations a slot; TEAM, SUBGROUPS, WORKGROUP: see lib/team.wgsl. Grid fold(⌈count·TEAM / WORKGROUP⌉), count slots.
// Bindings: partial, ranges [count], hyper [64], trust [count].
#if SUBGROUPS
enable subgroups;
#endif
#include "lib/index.wgsl"
#include "lib/team.wgsl"

struct Params { count: u32 }
@group(0) @binding(0) var<storage, read> partial: array<vec2<f32>>;
@group(0) @binding(1) var<storage, read> ranges: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read> hyper: array<f32>;
@group(0) @binding(3) var<storage, read_write> trust: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size({{WORKGROUP}})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let s = invocation_index(workgroup, workgroups, local, {{WORKGROUP}}u) / {{TEAM}}u;
#if TEAM == 1
  if (s >= params.count) { return; }
#endif
  // Teams past the last slot take part in the barriers, and have nothing to sum.
  let range = select(vec2<u32>(0u), ranges[min(s, params.count - 1u)], s < params.count);
  var squares = vec2<f32>();
  for (var c = range.x + local % {{TEAM}}u; c < range.y; c += {{TEAM}}u) { squares += partial[c]; }
  let norms = sqrt(vec2(team_sum(squares.x, local), team_sum(squares.y, local)));
  if (s < params.count && local % {{TEAM}}u == 0u) {
    trust[s] = select(1.0, hyper[3] * norms.x / norms.y, norms.x > 0.0 && norms.y > 0.0);
  }
}
