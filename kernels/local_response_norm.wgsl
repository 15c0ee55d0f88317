// y[r, c] = x[r, c] · scale[r, c]^(-beta), scale[r, c] = offset + factor · Σ x[r, j]² over the channels j from c - before
// to c + after that there are (Krizhevsky, Sutskever & Hinton 2012, section 3.3).
// Workgroup 64, one channel of a row an invocation; grid fold(⌈count / 64⌉), count = rows·channels.
// Bindings: x, scale, y [rows, channels].
#include "lib/index.wgsl"

struct Params { count: u32, channels: u32, before: u32, after: u32, factor: f32, beta: f32, offset: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> scale: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let at = invocation_index(workgroup, workgroups, local, 64u);
  if (at >= params.count) { return; }
  let c = at % params.channels;
  let end = min(at + params.after, at - c + params.channels - 1u);
  var sum = 0.0;
  for (var j = at - min(c, params.before); j <= end; j++) { sum += x[j] * x[j]; }
  let base = params.offset + params.factor * sum;
  scale[at] = base;
  y[at] = x[at] * pow(base, -params.beta);
}
