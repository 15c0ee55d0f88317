// target = m·target + (1 − m)·source over a page of `count` vec4s; hyper = [m, 1 − m], both rounded from float64.
// A stream of vec4s (lib/stream.wgsl). Bindings: moving (the target), source [count], hyper [2].
// Source: Tarvainen & Valpola, 2017, https://arxiv.org/abs/1703.01780.
#include "lib/stream.wgsl"

struct Params { count: u32, each: u32 }
@group(0) @binding(0) var<storage, read_write> moving: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> source: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> hyper: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size({{WORKGROUP}})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let part = stretch(workgroup, workgroups, local);
  for (var i = part.begin; i < part.end; i += {{WORKGROUP}}u) {
    moving[i] = hyper[0] * moving[i] + hyper[1] * source[i];
  }
}
