// conv2d_backward_filter.wgsl with tiles shared through workgroup memory, for GPUs: dF as the product of (tap, channel) ×
// pixels by pixels × output channels, its long sum cut into splits of `chunk` pixels. Operands as there.
// Tile: 8·Y rows (tap, channel) × 32·C columns a workgroup, 16 pixels a turn (at most 13 KB), 8 × Y invocations of
// 8 × 4·C outputs each. Rows run over all taps and their channels in one line, so that a stem of three channels fills them.
// Parameters: Y (8 or 16), C (1 or 2); VEC_X: depth is a multiple of 4; VEC_OUT, HALF (lib/filter_gradient.wgsl).
// Grid: fold(row_tiles · column_tiles · groups · splits), columns fastest. Bindings: x, dy, out [splits, rows, groups·columns].
// Source: as conv2d_workgroup.wgsl.
#include "lib/index.wgsl"
#include "lib/filter_gradient_source.wgsl"
#include "lib/tiles.wgsl"

@compute @workgroup_size(8, {{Y}})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_id) local: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let tile = invocation_index(workgroup, workgroups, 0u, 1u);
  let column_tile = tile % params.column_tiles;
  let row_tile = (tile / params.column_tiles) % params.row_tiles;
  let slab = tile / (params.column_tiles * params.row_tiles);
  let group = slab % params.groups;
  let split = slab / params.groups;
  if (split >= params.splits) { return; }
  let first_row = row_tile * {{8 * Y}}u;
  let first_column = column_tile * {{32 * C}}u;
#for I 0 8
#for J 0 {{C}}
  var sum{{I}}_{{J}} = vec4<f32>(0.0);
#endfor
#endfor

  // What this invocation loads of x: four rows, at every fourth of a turn's pixels.
  let block = lane % {{2 * Y}}u;
  let phase = lane / {{2 * Y}}u;
#if VEC_X
  let row = row_of(first_row + 4u * block, group);
#else
#for T 0 4
  let row{{T}} = row_of(first_row + {{T}}u + 4u * block, group);
#endfor
#endif
  let begin = split * params.chunk;
  let end = min(begin + params.chunk, params.pixels);
  let line = (begin + phase) / params.out_width;
  var pixel = Pixel(line / params.out_height, line % params.out_height, (begin + phase) % params.out_width);
  for (var k0 = begin; k0 < end; k0 += 16u) {
#for S 0 4
    {
      let k = phase + {{4 * S}}u;
      let exists = k0 + k < end;
#if VEC_X
      tile_a[k * A_PITCH + block] = load_source(row, pixel, exists);
#else
      tile_a[k * A_PITCH + block] = vec4<f32>(load_source(row0, pixel, exists), load_source(row1, pixel, exists),
        load_source(row2, pixel, exists), load_source(row3, pixel, exists));
#endif
      pixel = advance(pixel, 4u);
    }
#endfor
    // Past the end x is 0, and dy any finite number.
#for S 0 {{16 * C / Y}}
    {
      let k = (lane + {{8 * Y * S}}u) / {{8 * C}}u;
      let quad = (lane + {{8 * Y * S}}u) % {{8 * C}}u;
      let at = min(k0 + k, end - 1u) * params.groups + group;
      tile_b[k * B_PITCH + quad] = load_dy(at * params.columns + first_column + 4u * quad);
    }
#endfor
#include "lib/multiply_tiles.wgsl"
  }

#for I 0 8
  {
    let index = first_row + 4u * local.y + {{I / 4 * 4 * Y + I - I / 4 * 4}}u;
    if (index < params.rows) {
      let to = ((split * params.rows + index) * params.groups + group) * params.columns;
#for J 0 {{C}}
      store(to, first_column + 4u * local.x + {{32 * J}}u, sum{{I}}_{{J}});
#endfor
    }
  }
#endfor
}
