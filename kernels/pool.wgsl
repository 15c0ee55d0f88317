// y[n, p, q, c] over the real pixels (never padding) of the window at (p·stride - padding): their largest, or with
// AVERAGE their mean; with INDEX also at which pixel h·width + w the largest is (the first of equals).
// x [N, height, width, columns] of T.
// Parameters: T: vec4<f32> where the channels are a multiple of 4, else f32; AVERAGE; INDEX: vec4<i32>, i32 or nothing;
// SIZE_H, SIZE_W: of a small window without padding, which is written out, else 0; RANK: 4.
// A stream of y's elements (lib/stream.wgsl); size_1, size_2, size_3 are y's height, width and columns.
// Bindings: x; y [N, size_1, size_2, size_3]; with INDEX index, of y's shape.
#include "lib/stream.wgsl"
#include "lib/axes.wgsl"

struct Params {
  count: u32, each: u32, size_1: u32, size_2: u32, size_3: u32, height: i32, width: i32, size_h: i32, size_w: i32,
  stride_h: i32, stride_w: i32, padding_h: i32, padding_w: i32,
}
@group(0) @binding(0) var<storage, read> x: array<{{T}}>;
@group(0) @binding(1) var<storage, read_write> y: array<{{T}}>;
#if INDEX
@group(0) @binding(2) var<storage, read_write> index: array<{{INDEX}}>;
#endif
@group(1) @binding(0) var<uniform> params: Params;

// Of the pixels that were taken: the sum or the largest, and where that is.
var<private> total: {{T}};
#if INDEX
var<private> largest_at: {{INDEX}};
#endif

fn take(value: {{T}}, here: i32) {
#if AVERAGE
  total += value;
#else
#if INDEX
  largest_at = select(largest_at, {{INDEX}}(here), value > total);
#endif
  total = max(total, value);
#endif
}

// Takes every pixel of the window at (top, left); pixel `here` of the image lies at image + here · columns.
fn take_window(top: i32, left: i32, image: i32, columns: i32) {
  let begin_h = max(top, 0);
  let begin_w = max(left, 0);
  let first = begin_h * params.width + begin_w;
#if AVERAGE
  total = {{T}}(0.0);
#else
  total = x[image + first * columns];
#if INDEX
  largest_at = {{INDEX}}(first);
#endif
#endif
#if SIZE_H
#for H 0 {{SIZE_H}}
#for W 0 {{SIZE_W}}
  take(x[image + (first + {{H}} * params.width + {{W}}) * columns], first + {{H}} * params.width + {{W}});
#endfor
#endfor
  let area = {{SIZE_H * SIZE_W}};
#else
  let end_h = min(top + params.size_h, params.height);
  let end_w = min(left + params.size_w, params.width);
  for (var h = begin_h; h < end_h; h++) {
    for (var w = begin_w; w < end_w; w++) { take(x[image + (h * params.width + w) * columns], h * params.width + w); }
  }
  let area = (end_h - begin_h) * (end_w - begin_w);
#endif
#if AVERAGE
  total /= f32(area);
#endif
}

@compute @workgroup_size({{WORKGROUP}})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let part = stretch(workgroup, workgroups, local);
  let columns = i32(params.size_3);
  place_at(part.begin);
  for (var i = part.begin; i < part.end; i += {{WORKGROUP}}u) {
    let here = vec4<i32>(i32(place[0]), i32(place[1]), i32(place[2]), i32(place[3]));
    let image = here.x * params.height * params.width * columns + here.w;
    take_window(here.y * params.stride_h - params.padding_h, here.z * params.stride_w - params.padding_w, image, columns);
    y[i] = total;
#if INDEX
    index[i] = largest_at;
#endif
    next_place();
  }
}
