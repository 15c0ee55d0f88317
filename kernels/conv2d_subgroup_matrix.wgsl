// conv2d.wgsl in float16 with sums in float32, on the matrix units that a GPU offers by subgroups: forward and
// backward-data as in conv2d_workgroup.wgsl. Operands, pixels and taps as in conv2d.wgsl.
// Tile: ROWS pixels × COLUMNS channels a workgroup, TURN values of k a turn (lib/matrix_units.wgsl, with its parameters).
// Parameters besides: VEC_X: depth is a multiple of 4; VEC_OUT, NORM, RELU, RESIDUAL (lib/convolution.wgsl); HALF = 0, since
// the memory is of float16 anyway.
// Grid: fold(row_tiles · column_tiles · groups), columns fastest. Bindings: x, filter, out, then those of NORM.
enable f16;
enable subgroups;
enable chromium_experimental_subgroup_matrix;
#include "lib/index.wgsl"
#include "lib/convolution.wgsl"
#include "lib/convolution_source.wgsl"
#include "lib/matrix_units.wgsl"

// A line of the filter is a value of k.
fn load_columns(i: u32) -> vec4<f32> { return load_filter(i); }

struct Corner { group: u32, row: u32, column: u32 }

fn store_sums(corner: Corner, row: u32, column: u32, value: vec4<f32>) {
  if (corner.row + row >= params.rows) { return; }
#if NORM
  let channel = corner.group * params.columns + corner.column + column;
  let result = (value - coefficients_of(0u, channel)) * coefficients_of(2u, channel) + coefficients_of(3u, channel);
#else
  let result = value;
#endif
  store(pixel_of(corner.row + row), corner.group, corner.column + column, result);
}

@compute @workgroup_size({{4 * LANES}})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32, @builtin(subgroup_id) subgroup: u32) {
  let tile = invocation_index(workgroup, workgroups, 0u, 1u);
  let column_tile = tile % params.column_tiles;
  let group = (tile / params.column_tiles) % params.groups;
  let row_tile = tile / (params.column_tiles * params.groups);
  if (row_tile >= params.row_tiles) { return; }
  let first_row = row_tile * ROWS;
  let first_column = column_tile * COLUMNS;
#include "lib/matrix_sums.wgsl"

  // What this invocation loads of x: four values of k, always the same of a turn, of every so many rows.
  let own_k = lane % (TURN / 4u) * 4u;
  let source_row = lane / (TURN / 4u);
#for I 0 {{R * M * S * K / (8 * LANES)}}
  let origin{{I}} = origin_of(first_row + source_row + {{I * 16 * LANES / (S * K)}}u);
#endfor
  var place = advance(Place(0, 0, 0u), own_k);
  let end = u32(params.taps_y * params.taps_x) * params.depth;
  for (var k0 = 0u; k0 < end; k0 += TURN) {
#if VEC_X
#for I 0 {{R * M * S * K / (8 * LANES)}}
    let source{{I}} = load_source(origin{{I}}, group, place);
#endfor
#else
#for T 0 4
    let place{{T}} = advance(place, {{T}}u);
#endfor
#for I 0 {{R * M * S * K / (8 * LANES)}}
    let source{{I}} = vec4<f32>(load_source(origin{{I}}, group, place0), load_source(origin{{I}}, group, place1),
      load_source(origin{{I}}, group, place2), load_source(origin{{I}}, group, place3));
#endfor
#endif
#for I 0 {{R * M * S * K / (8 * LANES)}}
#for T 0 4
    put_a(source_row + {{I * 16 * LANES / (S * K)}}u, own_k + {{T}}u, source{{I}}[{{T}}]);
#endfor
#endfor
#include "lib/fill_columns.wgsl"
    place = advance(place, TURN);
#include "lib/multiply_matrices.wgsl"
  }
  let corner = Corner(group, first_row, first_column);
#include "lib/store_matrices.wgsl"
}
