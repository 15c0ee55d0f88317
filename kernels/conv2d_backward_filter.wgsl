// dF[s, t, c, o] = Σ over output pixels p of x[source(p, s, t), c] · dy[p, o], as an implicit matrix product whose long
// sum is cut into splits of whole output lines (n, i); source = (i·stride_y − padding_y + s·dilation_y, …), 0 outside.
// x [images, height, width, groups·depth], dy [images, out_height, out_width, groups·columns],
// out [splits, kernel_height, kernel_width, depth, groups·columns]: split k sums the lines k·chunk … (k + 1)·chunk − 1.
// Tile: a block of D channels c × 4·C channels o an invocation, Y invocations along (split, tap, block of c), X along o,
// one pixel a turn (see matmul.wgsl).
// Parameters: D (1 or a multiple of 4 that divides depth), C, X, Y; VEC_OUT, HALF
// (lib/filter_gradient.wgsl).
// Grid: fold(⌈splits·taps·(depth / D) / Y⌉ · column_tiles · groups), columns fastest. Bindings: x, dy, out.
#include "lib/index.wgsl"
#include "lib/operand.wgsl"

struct Params {
  lines: u32, out_height: u32, out_width: u32, height: u32, width: u32, depth: u32, columns: u32, groups: u32,
  stride_y: i32, stride_x: i32, padding_y: i32, padding_x: i32, dilation_y: i32, dilation_x: i32,
  kernel_width: u32, rows: u32, blocks: u32, chunk: u32, splits: u32, column_tiles: u32,
}
#if D == 1
@group(0) @binding(0) var<storage, read> x: array<f32>;
fn load_x(i: u32) -> vec4<f32> { return vec4<f32>(operand(x[i]), 0.0, 0.0, 0.0); }
#else
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
fn load_x(i: u32) -> vec4<f32> { return operands(x[i >> 2u]); }
#endif
@group(1) @binding(0) var<uniform> params: Params;
#include "lib/filter_gradient.wgsl"

@compute @workgroup_size({{X}}, {{Y}})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_id) local: vec3<u32>) {
  let tile = invocation_index(workgroup, workgroups, 0u, 1u);
  let column_tile = tile % params.column_tiles;
  let group = (tile / params.column_tiles) % params.groups;
  let item = tile / (params.column_tiles * params.groups) * {{Y}}u + local.y;
  let split = item / params.rows;
  if (split >= params.splits) { return; }
  let column = (column_tile * {{X}}u + local.x) * {{4 * C}}u;
  // A row is a tap and a block of D input channels. Rows of all splits stand in one line: no lane is idle for a short one.
  let row = item % params.rows;
  let tap = row / params.blocks;
  let channel = (row % params.blocks) * {{D}}u;
  let offset_y = i32(tap / params.kernel_width) * params.dilation_y - params.padding_y;
  let offset_x = i32(tap % params.kernel_width) * params.dilation_x - params.padding_x;
  let all_columns = params.groups * params.columns;
#for I 0 {{D}}
#for J 0 {{C}}
  var sum{{I}}_{{J}} = vec4<f32>(0.0);
#endfor
#endfor

  let end = min((split + 1u) * params.chunk, params.lines);
  for (var line = split * params.chunk; line < end; line++) {
    let source_y = u32(i32(line % params.out_height) * params.stride_y + offset_y);
    let source_line = (line / params.out_height) * params.height + source_y;
    let line_inside = source_y < params.height;
    let dy_line = line * params.out_width * all_columns + group * params.columns + column;
    for (var j = 0u; j < params.out_width; j++) {
      let source_x = u32(i32(j) * params.stride_x + offset_x);
      let inside = line_inside && source_x < params.width;
      let pixel = source_line * params.width + source_x;
      let at = select(0u, (pixel * params.groups + group) * params.depth + channel, inside);
#for J 0 {{C}}
      let dy{{J}} = load_dy(dy_line + j * all_columns + {{4 * J}}u);
#endfor
#for B 0 {{(D + 3) / 4}}
      let value{{B}} = select(vec4<f32>(0.0), load_x(at + {{4 * B}}u), inside);
#endfor
#for I 0 {{D}}
#for J 0 {{C}}
      sum{{I}}_{{J}} += value{{I / 4}}[{{I - I / 4 * 4}}] * dy{{J}};
#endfor
#endfor
    }
  }

#for I 0 {{D}}
#for J 0 {{C}}
  store(((split * params.rows * {{D}}u + tap * params.depth + channel + {{I}}u) * params.groups + group) * params.columns,
    column + {{4 * J}}u, sum{{I}}_{{J}});
#endfor
#endfor
}
