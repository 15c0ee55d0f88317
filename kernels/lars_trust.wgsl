// trust[s] = eeta ‖w‖ / ‖g + λ w‖ where both are above 0, else 1; from partial[c] = (Σ w², Σ (g + λ w)²), c from
// ranges[s].x to ranges[s].y − 1; hyper[3] = eeta.
// Workgroup 64, one slot an invocation, serial in the order of c. Grid fold(⌈count / 64⌉), count slots.
// Bindings: partial, ranges [count], hyper [64], trust [count].
#include "lib/index.wgsl"

struct Params { count: u32 }
@group(0) @binding(0) var<storage, read> partial: array<vec2<f32>>;
@group(0) @binding(1) var<storage, read> ranges: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read> hyper: array<f32>;
@group(0) @binding(3) var<storage, read_write> trust: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let s = invocation_index(workgroup, workgroups, local, 64u);
  if (s >= params.count) { return; }
  var squares = vec2<f32>();
  for (var c = ranges[s].x; c < ranges[s].y; c++) { squares += partial[c]; }
  let norms = sqrt(squares);
  trust[s] = 1.0;
  if (norms.x > 0.0 && norms.y > 0.0) { trust[s] = hyper[3] * norms.x / norms.y; }
}
