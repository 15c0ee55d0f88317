// y[n, p, q, c] over the real pixels (never padding) of the window at (p·stride - padding): their largest, and at which
// pixel h·width + w it is (the first of equals), or with AVERAGE their mean. x [N, height, width, columns] of T.
// Parameters: T, INDEX: vec4<f32>, vec4<i32> where the channels are a multiple of 4, else f32, i32; AVERAGE.
// Workgroup 64, one output an invocation; grid fold(⌈count / 64⌉), count = N·out_height·out_width·columns.
// Bindings: x; y [N, out_height, out_width, columns]; unless AVERAGE index, of y's shape.
#include "lib/index.wgsl"

struct Params {
  count: u32, columns: u32, height: i32, width: i32, out_height: u32, out_width: u32, size_h: i32, size_w: i32,
  stride_h: i32, stride_w: i32, padding_h: i32, padding_w: i32,
}
@group(0) @binding(0) var<storage, read> x: array<{{T}}>;
@group(0) @binding(1) var<storage, read_write> y: array<{{T}}>;
#if AVERAGE
#else
@group(0) @binding(2) var<storage, read_write> index: array<{{INDEX}}>;
#endif
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let at = invocation_index(workgroup, workgroups, local, 64u);
  if (at >= params.count) { return; }
  let column = at % params.columns;
  let pixel = at / params.columns;
  let left = i32(pixel % params.out_width) * params.stride_w - params.padding_w;
  let top = i32(pixel / params.out_width % params.out_height) * params.stride_h - params.padding_h;
  let image = pixel / (params.out_width * params.out_height) * u32(params.height * params.width);
  let begin_h = max(top, 0);
  let begin_w = max(left, 0);
  let end_h = min(top + params.size_h, params.height);
  let end_w = min(left + params.size_w, params.width);
#if AVERAGE
  var sum = {{T}}(0.0);
#else
  var where_best = {{INDEX}}(begin_h * params.width + begin_w);
  var best = x[(image + u32(begin_h * params.width + begin_w)) * params.columns + column];
#endif
  for (var h = begin_h; h < end_h; h++) {
    for (var w = begin_w; w < end_w; w++) {
      let here = h * params.width + w;
      let value = x[(image + u32(here)) * params.columns + column];
#if AVERAGE
      sum += value;
#else
      where_best = select(where_best, {{INDEX}}(here), value > best);
      best = max(best, value);
#endif
    }
  }
#if AVERAGE
  y[at] = sum / f32((end_h - begin_h) * (end_w - begin_w));
#else
  y[at] = best;
  index[at] = where_best;
#endif
}
