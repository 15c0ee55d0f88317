// dx[n, h, w, c] = Σ over the windows that cover the pixel of g of those whose largest it is, or with AVERAGE of
// g / number of the window's real pixels. Every pixel gathers what is its own: no atomics, windows in order.
// Parameters: T, INDEX: vec4<f32>, vec4<i32> where the channels are a multiple of 4, else f32, i32; AVERAGE.
// Workgroup 64, one pixel and column an invocation; grid fold(⌈count / 64⌉), count = N·height·width·columns.
// Bindings: g [N, out_height, out_width, columns]; dx [N, height, width, columns]; unless AVERAGE index, of g's shape.
#include "lib/index.wgsl"

struct Params {
  count: u32, columns: u32, height: i32, width: i32, out_height: u32, out_width: u32, size_h: i32, size_w: i32,
  stride_h: i32, stride_w: i32, padding_h: i32, padding_w: i32,
}
@group(0) @binding(0) var<storage, read> g: array<{{T}}>;
@group(0) @binding(1) var<storage, read_write> dx: array<{{T}}>;
#if AVERAGE
#else
@group(0) @binding(2) var<storage, read> index: array<{{INDEX}}>;
#endif
@group(1) @binding(0) var<uniform> params: Params;

// The first window that reaches position `at` (padding counted in): the smallest p with p·stride + size > at.
fn first_window(at: i32, size: i32, stride: i32) -> i32 {
  return max(at - size + stride, 0) / stride;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let at = invocation_index(workgroup, workgroups, local, 64u);
  if (at >= params.count) { return; }
  let column = at % params.columns;
  let pixel = i32(at / params.columns);
  let w = pixel % params.width;
  let h = pixel / params.width % params.height;
  let image = u32(pixel / (params.width * params.height)) * params.out_height * params.out_width;
  let begin_p = first_window(h + params.padding_h, params.size_h, params.stride_h);
  let begin_q = first_window(w + params.padding_w, params.size_w, params.stride_w);
  let end_p = min((h + params.padding_h) / params.stride_h + 1, i32(params.out_height));
  let end_q = min((w + params.padding_w) / params.stride_w + 1, i32(params.out_width));
  var sum = {{T}}(0.0);
  for (var p = begin_p; p < end_p; p++) {
    for (var q = begin_q; q < end_q; q++) {
      let source = (image + u32(p) * params.out_width + u32(q)) * params.columns + column;
#if AVERAGE
      let top = p * params.stride_h - params.padding_h;
      let left = q * params.stride_w - params.padding_w;
      let rows = min(top + params.size_h, params.height) - max(top, 0);
      let columns = min(left + params.size_w, params.width) - max(left, 0);
      sum += g[source] / f32(rows * columns);
#else
      sum += select({{T}}(0.0), g[source], index[source] == {{INDEX}}(h * params.width + w));
#endif
    }
  }
  dx[at] = sum;
}
