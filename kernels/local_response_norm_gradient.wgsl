// dx[r, c] = g·s^(-beta) - 2·beta·factor · x · Σ g[r, j]·y[r, j] / s[r, j], s and y what local_response_norm wrote, the
// sum over the channels j in whose window c lies: from c - after to c + before. (y / s is x·s^(-beta - 1).)
// Workgroup 64, one channel of a row an invocation; grid fold(⌈count / 64⌉), count = rows·channels.
// Bindings: g, x, scale, y, dx [rows, channels].
#include "lib/index.wgsl"

struct Params { count: u32, channels: u32, before: u32, after: u32, factor: f32, beta: f32 }
@group(0) @binding(0) var<storage, read> g: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> scale: array<f32>;
@group(0) @binding(3) var<storage, read> y: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let at = invocation_index(workgroup, workgroups, local, 64u);
  if (at >= params.count) { return; }
  let c = at % params.channels;
  let end = min(at + params.before, at - c + params.channels - 1u);
  var sum = 0.0;
  for (var j = at - min(c, params.after); j <= end; j++) { sum += g[j] * y[j] / scale[j]; }
  dx[at] = g[at] * pow(scale[at], -params.beta) - 2.0 * params.beta * params.factor * x[at] * sum;
}
