// What the backward-filter kernels with workgroup memory share: sizes and operands, rows of dF (taps and their channels in
// one line), and what x is for such a row at an output pixel.
// Parameters: VEC_X: depth is a multiple of 4; those of lib/filter_gradient.wgsl. Bindings: x, dy, out.
#include "lib/operand.wgsl"

struct Params {
  pixels: u32, out_height: u32, out_width: u32, height: u32, width: u32, depth: u32, columns: u32, groups: u32,
  stride_y: i32, stride_x: i32, padding_y: i32, padding_x: i32, dilation_y: i32, dilation_x: i32,
  kernel_width: u32, rows: u32, chunk: u32, splits: u32, row_tiles: u32, column_tiles: u32,
}
#if VEC_X
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
#else
@group(0) @binding(0) var<storage, read> x: array<f32>;
#endif
@group(1) @binding(0) var<uniform> params: Params;
#include "lib/filter_gradient.wgsl"

// An output pixel.
struct Pixel { image: u32, i: u32, j: u32 }

fn advance(pixel: Pixel, by: u32) -> Pixel {
  var next = pixel;
  next.j += by;
  for (; next.j >= params.out_width; next.j -= params.out_width) {
    next.i++;
    if (next.i == params.out_height) {
      next.i = 0u;
      next.image++;
    }
  }
  return next;
}

// A row of dF: its channel, and where its tap reads in relation to an output pixel.
struct Row { y: i32, x: i32, channel: u32 }

fn row_of(index: u32, group: u32) -> Row {
  let tap = index / params.depth;
  return Row(i32(tap / params.kernel_width) * params.dilation_y - params.padding_y,
    i32(tap % params.kernel_width) * params.dilation_x - params.padding_x, group * params.depth + index % params.depth);
}

#if VEC_X
fn load_source(row: Row, pixel: Pixel, exists: bool) -> vec4<f32> {
#else
fn load_source(row: Row, pixel: Pixel, exists: bool) -> f32 {
#endif
  let source_y = u32(i32(pixel.i) * params.stride_y + row.y);
  let source_x = u32(i32(pixel.j) * params.stride_x + row.x);
  let inside = exists && source_y < params.height && source_x < params.width;
  let source = (pixel.image * params.height + source_y) * params.width + source_x;
  let at = select(0u, source * params.groups * params.depth + row.channel, inside);
#if VEC_X
  return select(vec4<f32>(0.0), operands(x[at >> 2u]), inside);
#else
  return select(0.0, operand(x[at]), inside);
#endif
}
