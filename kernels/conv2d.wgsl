// y[p, o] = Σ over taps and channels d of x[source(p, tap), d] · filter[tap, d, o]: conv2d forward and backward-data as
// an implicit matrix product, a register tile an invocation, no barriers.
// A row p is a pixel (n, i, j) of [images, row_height, row_width]. Tap (s, t) of it reads the source pixel
// (i·scale_y + base_y + s·step_y, j·scale_x + base_x + t·step_x), zero outside. The row is stored at pixel
// (i·spread_y + phase_y, j·spread_x + phase_x).
//   forward: scale = stride, base = −padding, step = dilation, spread 1;
//   backward-data: one dispatch for each remainder (phase) of the input pixel modulo stride = spread, with a copy of the
//   taps that reach it, turned over; scale = 1, step < 0 (ops/conv2d.plan.ts derives them). So no multiply-add meets a hole
//   of the stride, and the filter is read as vec4s (as it lies: 1.1 to 1.5 times as long on llvmpipe).
// x [images, source_height, source_width, groups·depth], filter [taps_y, taps_x, depth, groups·columns], out [images,
// out_height, out_width, groups·columns].
// Tile: R pixels × 4·C channels an invocation, X × Y invocations a workgroup, one channel d a turn. With X = 1 the loads
// of the filter have one address for the whole workgroup: a software adapter makes them scalar (see matmul.wgsl).
// Parameters: R, C, X, Y; VEC_X = 0; VEC_OUT, HALF, NORM, RELU, RESIDUAL (lib/convolution.wgsl).
// Grid: fold(row_tiles · column_tiles · groups), columns fastest. Bindings: x, filter, out, then those of NORM.
#include "lib/index.wgsl"
#include "lib/convolution.wgsl"

@compute @workgroup_size({{X}}, {{Y}})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_id) local: vec3<u32>) {
  let tile = invocation_index(workgroup, workgroups, 0u, 1u);
  let column_tile = tile % params.column_tiles;
  let group = (tile / params.column_tiles) % params.groups;
  let row_tile = tile / (params.column_tiles * params.groups);
  if (row_tile >= params.row_tiles) { return; }
  let column = (column_tile * {{X}}u + local.x) * {{4 * C}}u;
  let first = (row_tile * {{Y}}u + local.y) * {{R}}u;
  let depth = params.depth;
  let all_columns = params.groups * params.columns;

  // Pixel I of this invocation: neighbours, so only the first is worth divisions.
  let j0 = first % params.row_width;
  let i0 = (first / params.row_width) % params.row_height;
  let n0 = first / (params.row_width * params.row_height);
#for I 1 {{R}}
  let wraps_x{{I}} = j{{I - 1}} + 1u == params.row_width;
  let wraps_y{{I}} = wraps_x{{I}} && i{{I - 1}} + 1u == params.row_height;
  let j{{I}} = select(j{{I - 1}} + 1u, 0u, wraps_x{{I}});
  let i{{I}} = select(i{{I - 1}} + u32(wraps_x{{I}}), 0u, wraps_y{{I}});
  let n{{I}} = n{{I - 1}} + u32(wraps_y{{I}});
#endfor
#for I 0 {{R}}
  let y{{I}} = i32(i{{I}}) * params.scale_y + params.base_y;
  let x{{I}} = i32(j{{I}}) * params.scale_x + params.base_x;
#for J 0 {{C}}
  var sum{{I}}_{{J}} = vec4<f32>(0.0);
#endfor
#endfor

  for (var s = 0; s < params.taps_y; s++) {
    for (var t = 0; t < params.taps_x; t++) {
#for I 0 {{R}}
      let source_y{{I}} = u32(y{{I}} + s * params.step_y);
      let source_x{{I}} = u32(x{{I}} + t * params.step_x);
      let inside{{I}} = source_y{{I}} < params.source_height && source_x{{I}} < params.source_width
        && first + {{I}}u < params.rows;
      let pixel{{I}} = (n{{I}} * params.source_height + source_y{{I}}) * params.source_width + source_x{{I}};
      let at{{I}} = select(0u, pixel{{I}} * params.groups * depth, inside{{I}}) + group * depth;
#endfor
      let tap = u32(s * params.taps_x + t);
      for (var d = 0u; d < depth; d++) {
#for J 0 {{C}}
        let weight{{J}} = load_filter((tap * depth + d) * all_columns + group * params.columns + column + {{4 * J}}u);
#endfor
#for I 0 {{R}}
        let value{{I}} = select(0.0, operand(x[at{{I}} + d]), inside{{I}});
#for J 0 {{C}}
        sum{{I}}_{{J}} += value{{I}} * weight{{J}};
#endfor
#endfor
      }
    }
  }

#for J 0 {{C}}
  let column{{J}} = column + {{4 * J}}u;
#endfor
#include "lib/convolution_norm.wgsl"
#for I 0 {{R}}
  if (first + {{I}}u < params.rows) {
#for J 0 {{C}}
    store(Pixel(n{{I}}, i{{I}}, j{{I}}), group, column{{J}}, sum{{I}}_{{J}});
#endfor
  }
#endfor
}
