// Bytes to normalised floats, for evaluation: out[i] = (images[i] / 255 - mean_c) / deviation_c, c = i mod channels.
//
// One invocation turns one word, four bytes, into four floats. Workgroup 64, grid ⌈count / 256⌉ folded.
// Bindings: images u8 [count]; out f32 [count].
#include "lib/index.wgsl"

struct Params {
  count: u32, channels: u32,
  mean_0: f32, mean_1: f32, mean_2: f32, deviation_0: f32, deviation_1: f32, deviation_2: f32,
}
@group(0) @binding(0) var<storage, read> images: array<u32>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = invocation_index(workgroup, workgroups, local, 64u);
  let mean = vec3<f32>(params.mean_0, params.mean_1, params.mean_2);
  let deviation = vec3<f32>(params.deviation_0, params.deviation_1, params.deviation_2);
  for (var i = 4u * index; i < min(4u * index + 4u, params.count); i++) {
    let byte = f32((images[index] >> (8u * (i % 4u))) & 255u) / 255.0;
    let channel = i % params.channels;
    out[i] = (byte - mean[channel]) / deviation[channel];
  }
}
