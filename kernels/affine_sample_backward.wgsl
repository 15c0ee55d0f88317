// dx[n, y, :, :] = Σ over the output's pixels of weight · dy: the transpose of affine_sample.wgsl, without atomics. One
// invocation owns `block` channels of one row of dx and walks all the output's pixels in order.
// Parameters: CUBIC, TAPS (4 or 2), PADDING, see lib/taps.wgsl. Workgroup 64;
// grid fold(⌈batch·height·blocks / 64⌉), blocks = ⌈channels / block⌉.
// Bindings: dy [batch, out_height, out_width, channels], theta [batch, 2, 3], dx [batch, height, width, channels].
#include "lib/index.wgsl"
#include "lib/taps.wgsl"

struct Params {
  batch: u32, height: u32, width: u32, channels: u32, out_height: u32, out_width: u32, block: u32, blocks: u32,
}
@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> theta: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let at = invocation_index(workgroup, workgroups, local, 64u);
  if (at >= params.batch * params.height * params.blocks) { return; }
  let first_channel = (at % params.blocks) * params.block;
  let end_channel = min(first_channel + params.block, params.channels);
  let y = i32((at / params.blocks) % params.height);
  let n = at / (params.blocks * params.height);
  let mine = (n * params.height + u32(y)) * params.width;
  for (var column = 0u; column < params.width; column++) {
    for (var channel = first_channel; channel < end_channel; channel++) {
      dx[(mine + column) * params.channels + channel] = 0.0;
    }
  }
  for (var row = 0u; row < params.out_height; row++) {
    for (var column = 0u; column < params.out_width; column++) {
      let position = source_position(n, column, row, vec2<u32>(params.out_width, params.out_height),
                                     vec2<u32>(params.width, params.height));
      var vertical = taps_of(position.y, params.height);
      // Padding may send several taps to the same row.
      var weight = 0.0;
      for (var i = 0; i < {{TAPS}}; i++) { if (vertical.place[i] == y) { weight += vertical.weight[i]; } }
      if (weight == 0.0) { continue; }
      var horizontal = taps_of(position.x, params.width);
      let above = ((n * params.out_height + row) * params.out_width + column) * params.channels;
      for (var j = 0; j < {{TAPS}}; j++) {
        if (horizontal.place[j] < 0) { continue; }
        let to = (mine + u32(horizontal.place[j])) * params.channels;
        for (var channel = first_channel; channel < end_channel; channel++) {
          dx[to + channel] += weight * horizontal.weight[j] * dy[above + channel];
        }
      }
    }
  }
}
