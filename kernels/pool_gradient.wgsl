// dx[n, h, w, c] = Σ over the windows that cover the pixel of g of those whose largest it is, or with AVERAGE of
// g / number of the window's real pixels. Every pixel gathers what is its own: no atomics, windows in order.
// Parameters: T, INDEX: vec4<f32>, vec4<i32> where the channels are a multiple of 4, else f32, i32; AVERAGE; RANK: 4.
// A stream of dx's elements (lib/stream.wgsl); size_1, size_2, size_3 are dx's height, width and columns.
// Bindings: g [N, out_height, out_width, columns]; dx [N, height, width, columns]; unless AVERAGE index, of g's shape.
#include "lib/stream.wgsl"
#include "lib/axes.wgsl"

struct Params {
  count: u32, each: u32, size_1: u32, size_2: u32, size_3: u32, out_height: i32, out_width: i32, size_h: i32,
  size_w: i32, stride_h: i32, stride_w: i32, padding_h: i32, padding_w: i32,
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

fn gather(image: i32, h: i32, w: i32, column: i32) -> {{T}} {
  let height = i32(params.size_1);
  let width = i32(params.size_2);
  let columns = i32(params.size_3);
  let begin_p = first_window(h + params.padding_h, params.size_h, params.stride_h);
  let begin_q = first_window(w + params.padding_w, params.size_w, params.stride_w);
  let end_p = min((h + params.padding_h) / params.stride_h + 1, params.out_height);
  let end_q = min((w + params.padding_w) / params.stride_w + 1, params.out_width);
  var sum = {{T}}(0.0);
  for (var p = begin_p; p < end_p; p++) {
    for (var q = begin_q; q < end_q; q++) {
      let source = ((image * params.out_height + p) * params.out_width + q) * columns + column;
#if AVERAGE
      let top = p * params.stride_h - params.padding_h;
      let left = q * params.stride_w - params.padding_w;
      let real_rows = min(top + params.size_h, height) - max(top, 0);
      let real_columns = min(left + params.size_w, width) - max(left, 0);
      sum += g[source] / f32(real_rows * real_columns);
#else
      sum += select({{T}}(0.0), g[source], index[source] == {{INDEX}}(h * width + w));
#endif
    }
  }
  return sum;
}

@compute @workgroup_size({{WORKGROUP}})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let part = stretch(workgroup, workgroups, local);
  place_at(part.begin);
  for (var i = part.begin; i < part.end; i += {{WORKGROUP}}u) {
    dx[i] = gather(i32(place[0]), i32(place[1]), i32(place[2]), i32(place[3]));
    next_place();
  }
}
