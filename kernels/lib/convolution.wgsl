// What conv2d.wgsl and conv2d_workgroup.wgsl share: the sizes of a convolution, its operands, and how it is stored.
// Parameters: VEC_X, VEC_OUT: loads and stores of whole vec4s; HALF: products of float16 (lib/operand.wgsl); NORM: what is
// stored is relu?((sum − mean) · factor + beta + residual?), a batch norm with running statistics; with it RELU and RESIDUAL.
// Bindings: x, filter, out; with NORM coefficients [4, groups·columns] of batch_norm_coefficients.wgsl and, if RESIDUAL,
// residual, of the output's shape.
#include "lib/operand.wgsl"

struct Params {
  rows: u32, row_height: u32, row_width: u32, source_height: u32, source_width: u32, depth: u32, columns: u32, groups: u32,
  scale_y: i32, scale_x: i32, base_y: i32, base_x: i32, step_y: i32, step_x: i32, taps_y: i32, taps_x: i32,
  out_height: u32, out_width: u32, spread_y: u32, spread_x: u32, phase_y: u32, phase_x: u32,
  row_tiles: u32, column_tiles: u32,
}
#if VEC_X
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
#else
@group(0) @binding(0) var<storage, read> x: array<f32>;
#endif
#if VEC_OUT
alias Stored = vec4<f32>;
@group(0) @binding(1) var<storage, read> filters: array<vec4<f32>>;
fn load_filter(i: u32) -> vec4<f32> { return operands(filters[i >> 2u]); }
#else
alias Stored = f32;
@group(0) @binding(1) var<storage, read> filters: array<f32>;
fn load_filter(i: u32) -> vec4<f32> {
  return operands(vec4<f32>(filters[i], filters[i + 1u], filters[i + 2u], filters[i + 3u]));
}
#endif
@group(0) @binding(2) var<storage, read_write> out: array<Stored>;
#if NORM
@group(0) @binding(3) var<storage, read> coefficients: array<Stored>;
#if RESIDUAL
@group(0) @binding(4) var<storage, read> residual: array<Stored>;
#endif
#endif
@group(1) @binding(0) var<uniform> params: Params;

// A pixel of the rows: where its patch begins in the source, and where it is stored.
struct Pixel { image: u32, i: u32, j: u32 }

fn pixel_of(row: u32) -> Pixel {
  let line = row / params.row_width;
  return Pixel(line / params.row_height, line % params.row_height, row % params.row_width);
}

#if NORM
// Coefficient number `which` of the four channels from number `channel` on.
fn coefficients_of(which: u32, channel: u32) -> vec4<f32> {
  let at = which * params.groups * params.columns + channel;
#if VEC_OUT
  return coefficients[at >> 2u];
#else
  return vec4<f32>(coefficients[at], coefficients[at + 1u], coefficients[at + 2u], coefficients[at + 3u]);
#endif
}
#endif

fn put(at: u32, value: Stored) {
  var result = value;
#if NORM
#if RESIDUAL
  result += residual[at];
#endif
#if RELU
  result = max(result, Stored(0.0));
#endif
#endif
  out[at] = result;
}

// Four channels of one pixel from `column` of a group on.
fn store(pixel: Pixel, group: u32, column: u32, value: vec4<f32>) {
  let y = pixel.i * params.spread_y + params.phase_y;
  let x = pixel.j * params.spread_x + params.phase_x;
  let to = (((pixel.image * params.out_height + y) * params.out_width + x) * params.groups + group) * params.columns + column;
#if VEC_OUT
  if (column < params.columns) { put(to >> 2u, value); }
#else
#for T 0 4
  if (column + {{T}}u < params.columns) { put(to + {{T}}u, value[{{T}}]); }
#endfor
#endif
}
