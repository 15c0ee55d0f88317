// out[n, r, c, :] = Σ over taps of weight · x[n, y, x, :] around the place that theta[n] sends the output's pixel (r, c)
// to. PyTorch's affine_grid and grid_sample, align_corners = false.
// Parameters: CUBIC, TAPS (4 or 2), PADDING, see lib/taps.wgsl. Workgroup 64, one output value an invocation;
// grid fold(⌈batch·out_height·out_width·channels / 64⌉).
// Bindings: x [batch, height, width, channels], theta [batch, 2, 3], out [batch, out_height, out_width, channels].
#include "lib/index.wgsl"
#include "lib/taps.wgsl"

struct Params { batch: u32, height: u32, width: u32, channels: u32, out_height: u32, out_width: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> theta: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let at = invocation_index(workgroup, workgroups, local, 64u);
  if (at >= params.batch * params.out_height * params.out_width * params.channels) { return; }
  let channel = at % params.channels;
  let column = (at / params.channels) % params.out_width;
  let row = (at / (params.channels * params.out_width)) % params.out_height;
  let n = at / (params.channels * params.out_width * params.out_height);
  let position = source_position(n, column, row, vec2<u32>(params.out_width, params.out_height),
                                 vec2<u32>(params.width, params.height));
  var horizontal = taps_of(position.x, params.width);
  var vertical = taps_of(position.y, params.height);
  var total = 0.0;
  for (var i = 0; i < {{TAPS}}; i++) {
    if (vertical.place[i] < 0) { continue; }
    let first = (n * params.height + u32(vertical.place[i])) * params.width;
    for (var j = 0; j < {{TAPS}}; j++) {
      if (horizontal.place[j] < 0) { continue; }
      total += vertical.weight[i] * horizontal.weight[j] * x[(first + u32(horizontal.place[j])) * params.channels + channel];
    }
  }
  out[at] = total;
}
