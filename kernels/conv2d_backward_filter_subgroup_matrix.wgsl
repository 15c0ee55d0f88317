// conv2d_backward_filter.wgsl in float16 with sums in float32, on the matrix units that a GPU offers by subgroups: dF as
// the product of (tap, channel) × pixels by pixels × output channels, as in conv2d_backward_filter_workgroup.wgsl.
// Tile: ROWS (tap, channel) × COLUMNS channels a workgroup, TURN pixels a turn (lib/matrix_units.wgsl, with its parameters).
// Parameters besides: VEC_X, VEC_OUT (lib/filter_gradient_source.wgsl); HALF = 0, since the memory is of float16 anyway.
// Grid: fold(row_tiles · column_tiles · groups · splits), columns fastest. Bindings: x, dy, out [splits, rows, groups·columns].
enable f16;
enable subgroups;
enable chromium_experimental_subgroup_matrix;
#include "lib/index.wgsl"
#include "lib/filter_gradient_source.wgsl"
#include "lib/matrix_units.wgsl"

// A line of dy is a pixel.
fn load_columns(i: u32) -> vec4<f32> { return load_dy(i); }

struct Corner { group: u32, split: u32, row: u32, column: u32 }

fn store_sums(corner: Corner, row: u32, column: u32, value: vec4<f32>) {
  let index = corner.row + row;
  if (index >= params.rows) { return; }
  let to = ((corner.split * params.rows + index) * params.groups + corner.group) * params.columns;
  store(to, corner.column + column, value);
}

@compute @workgroup_size({{4 * LANES}})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32, @builtin(subgroup_id) subgroup: u32) {
  let tile = invocation_index(workgroup, workgroups, 0u, 1u);
  let column_tile = tile % params.column_tiles;
  let row_tile = (tile / params.column_tiles) % params.row_tiles;
  let slab = tile / (params.column_tiles * params.row_tiles);
  let group = slab % params.groups;
  let split = slab / params.groups;
  if (split >= params.splits) { return; }
  let first_row = row_tile * ROWS;
  let first_column = column_tile * COLUMNS;
#include "lib/matrix_sums.wgsl"

  // What this invocation loads of x: four rows, at every so many of a turn's pixels.
  let source_row = lane % (ROWS / 4u) * 4u;
  let phase = lane / (ROWS / 4u);
#if VEC_X
  let row = row_of(first_row + source_row, group);
#else
#for T 0 4
  let row{{T}} = row_of(first_row + source_row + {{T}}u, group);
#endfor
#endif
  let begin = split * params.chunk;
  let end = min(begin + params.chunk, params.pixels);
  let line = (begin + phase) / params.out_width;
  var pixel = Pixel(line / params.out_height, line % params.out_height, (begin + phase) % params.out_width);
  for (var k0 = begin; k0 < end; k0 += TURN) {
    for (var k = phase; k < TURN; k += {{8 * LANES / (R * M)}}u) {
      let exists = k0 + k < end;
#if VEC_X
      let source = load_source(row, pixel, exists);
#else
      let source = vec4<f32>(load_source(row0, pixel, exists), load_source(row1, pixel, exists),
        load_source(row2, pixel, exists), load_source(row3, pixel, exists));
#endif
#for T 0 4
      put_a(source_row + {{T}}u, k, source[{{T}}]);
#endfor
      pixel = advance(pixel, {{8 * LANES / (R * M)}}u);
    }
#include "lib/fill_columns.wgsl"
#include "lib/multiply_matrices.wgsl"
  }
  let corner = Corner(group, split, first_row, first_column);
#include "lib/store_matrices.wgsl"
}
