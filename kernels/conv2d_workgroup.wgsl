// conv2d.wgsl with tiles shared through workgroup memory, for GPUs: forward and backward-data as the product of pixels ×
// (tap, channel) by (tap, channel) × output channels. Operands, pixels and taps as there.
// Tile: 8·Y pixels × 32·C channels a workgroup, 16 values of k a turn (at most 13 KB), 8 × Y invocations of 8 × 4·C
// outputs each. k runs over all taps and their channels in one line, so that a stem of three channels fills its turns too.
// x lies along k, and is loaded as blocks of 4 × 4 that are turned over in registers: workgroup memory is written and read
// in whole vec4s alone.
// Parameters: Y (8 or 16), C (1 or 2), R = 8; VEC_X: depth is a multiple of 4; VEC_OUT, HALF, NORM, RELU, RESIDUAL
// (lib/convolution.wgsl).
// Grid: fold(row_tiles · column_tiles · groups), columns fastest. Bindings: x, filter, out, then those of NORM.
// Source: the SGEMM ladder of S. Boehm, https://siboehm.com/articles/22/CUDA-MMM (2022), kernels 5 and 6, with addresses
// as in Chetlur et al., cuDNN, 2014, https://arxiv.org/abs/1410.0759, section 3.1.
#include "lib/index.wgsl"
#include "lib/convolution.wgsl"
#include "lib/convolution_source.wgsl"
#include "lib/tiles.wgsl"

@compute @workgroup_size(8, {{Y}})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_id) local: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let tile = invocation_index(workgroup, workgroups, 0u, 1u);
  let column_tile = tile % params.column_tiles;
  let group = (tile / params.column_tiles) % params.groups;
  let row_tile = tile / (params.column_tiles * params.groups);
  if (row_tile >= params.row_tiles) { return; }
  let first_row = row_tile * {{8 * Y}}u;
  let first_column = column_tile * {{32 * C}}u;
#for I 0 8
#for J 0 {{C}}
  var sum{{I}}_{{J}} = vec4<f32>(0.0);
#endfor
#endfor

  // The block of x this invocation loads: four rows by four values of k.
  let block = lane / 4u;
  let block_k = 4u * (lane % 4u);
#for I 0 4
  let origin{{I}} = origin_of(first_row + 4u * block + {{I}}u);
#endfor
  var place = advance(Place(0, 0, 0u), block_k);
  let length = u32(params.taps_y * params.taps_x) * params.depth;
  for (var k0 = 0u; k0 < length; k0 += 16u) {
#if VEC_X
#for I 0 4
    let source{{I}} = load_source(origin{{I}}, group, place);
#endfor
#else
#for T 0 4
    let place{{T}} = advance(place, {{T}}u);
#endfor
#for I 0 4
    let source{{I}} = vec4<f32>(load_source(origin{{I}}, group, place0), load_source(origin{{I}}, group, place1),
      load_source(origin{{I}}, group, place2), load_source(origin{{I}}, group, place3));
#endfor
#endif
#for T 0 4
    tile_a[(block_k + {{T}}u) * A_PITCH + block] =
      vec4<f32>(source0[{{T}}], source1[{{T}}], source2[{{T}}], source3[{{T}}]);
#endfor
    // A row of the filter is a value of k. Past the last one x is 0, and the filter any finite number.
#for S 0 {{16 * C / Y}}
    {
      let k = (lane + {{8 * Y * S}}u) / {{8 * C}}u;
      let quad = (lane + {{8 * Y * S}}u) % {{8 * C}}u;
      let row = min(k0 + k, length - 1u) * params.groups + group;
      tile_b[k * B_PITCH + quad] = load_filter(row * params.columns + first_column + 4u * quad);
    }
#endfor
    place = advance(place, 16u);
#include "lib/multiply_tiles.wgsl"
  }

#for J 0 {{C}}
  let column{{J}} = first_column + 4u * local.x + {{32 * J}}u;
#endfor
#include "lib/convolution_norm.wgsl"
#for I 0 8
  {
    let row = first_row + 4u * local.y + {{I / 4 * 4 * Y + I - I / 4 * 4}}u;
    if (row < params.rows) {
      let pixel = pixel_of(row);
#for J 0 {{C}}
      store(pixel, group, column{{J}}, sum{{I}}_{{J}});
#endfor
    }
  }
#endfor
}
