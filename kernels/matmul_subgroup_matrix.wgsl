// C = relu(op(A) · op(B) + bias + residual) in float16 with sums in float32, on the matrix units that a GPU offers by
// subgroups; operands, splits and output as in matmul.wgsl.
// Tile and parameters: lib/matrix_units.wgsl. Operands become float16 as they are put into workgroup memory, zeros beyond
// their ends.
// Parameters besides: TRANSPOSE_A, TRANSPOSE_B; those of lib/product.wgsl, with the bindings; HALF = 0, since the memory is
// of float16 anyway.
// Grid: fold(⌈rows / (2·R·M)⌉ · ⌈columns / (2·C·N)⌉ · splits · batch), columns fastest.
enable f16;
enable subgroups;
enable chromium_experimental_subgroup_matrix;
#include "lib/index.wgsl"
#include "lib/operand.wgsl"
#include "lib/product.wgsl"

#include "lib/matrix_units.wgsl"

struct Corner { slab: u32, row: u32, column: u32 }

fn store_sums(corner: Corner, row: u32, column: u32, value: vec4<f32>) {
#if BIAS
  store(corner.slab, corner.row + row, corner.column + column, value + load_bias(corner.column + column));
#else
  store(corner.slab, corner.row + row, corner.column + column, value);
#endif
}

fn along_k(value: vec4<f32>, k: u32, end: u32) -> vec4<f32> {
  return select(vec4<f32>(0.0), value, vec4<u32>(k, k + 1u, k + 2u, k + 3u) < vec4<u32>(end));
}

@compute @workgroup_size({{4 * LANES}})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32, @builtin(subgroup_id) subgroup: u32) {
  let tile = invocation_index(workgroup, workgroups, 0u, 1u);
  let column_tile = tile % params.column_tiles;
  let row_tile = (tile / params.column_tiles) % params.row_tiles;
  let slab = tile / (params.column_tiles * params.row_tiles);
  if (slab >= params.splits * params.batch) { return; }
  let index = slab % params.batch;
  let split = slab / params.batch;
  let first_row = row_tile * ROWS;
  let first_column = column_tile * COLUMNS;
  let a_base = index * params.a_batch;
  let b_base = index * params.b_batch;
#include "lib/matrix_sums.wgsl"
  let end = min((split + 1u) * params.chunk, params.k);
  for (var k0 = split * params.chunk; k0 < end; k0 += TURN) {
    for (var vector = lane; vector < ROWS * TURN / 4u; vector += INVOCATIONS) {
#if TRANSPOSE_A
      let k = vector / (ROWS / 4u);
      let row = vector % (ROWS / 4u) * 4u;
      let loaded = load_a(a_base + min(k0 + k, params.k - 1u) * params.m + first_row + row);
      let value = select(vec4<f32>(0.0), loaded, k0 + k < end);
#for T 0 4
      put_a(row + {{T}}u, k, value[{{T}}]);
#endfor
#else
      let k = vector % (TURN / 4u) * 4u;
      let row = vector / (TURN / 4u);
      let value = along_k(load_a(a_base + min(first_row + row, params.m - 1u) * params.k + k0 + k), k0 + k, end);
#for T 0 4
      put_a(row, k + {{T}}u, value[{{T}}]);
#endfor
#endif
    }
    for (var vector = lane; vector < COLUMNS * TURN / 4u; vector += INVOCATIONS) {
#if TRANSPOSE_B
      let k = vector % (TURN / 4u) * 4u;
      let column = vector / (TURN / 4u);
      let value = along_k(load_b(b_base + min(first_column + column, params.n - 1u) * params.k + k0 + k), k0 + k, end);
#for T 0 4
      put_b(column, k + {{T}}u, value[{{T}}]);
#endfor
#else
      let k = vector / (COLUMNS / 4u);
      let column = vector % (COLUMNS / 4u) * 4u;
      let loaded = load_b(b_base + min(k0 + k, params.k - 1u) * params.n + first_column + column);
      let value = select(vec4<f32>(0.0), loaded, k0 + k < end);
#for T 0 4
      put_b(column + {{T}}u, k, value[{{T}}]);
#endfor
#endif
    }
#include "lib/multiply_matrices.wgsl"
  }
  let corner = Corner(slab, first_row, first_column);
#include "lib/store_matrices.wgsl"
}
