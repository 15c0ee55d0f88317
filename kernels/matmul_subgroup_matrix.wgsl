// C = relu(op(A) · op(B) + bias + residual) in float16 with sums in float32, on the matrix units that a GPU offers by
// subgroups; operands, splits and output as in matmul.wgsl.
// Tile: 2·R·M × 2·C·N outputs a workgroup of four subgroups, two by two, each with R × C matrices of M × N sums; S matrices
// of K a turn. Operands become float16 as they are written to workgroup memory, zeros beyond their ends, one matrix after
// the other: [matrix along k][row or column][k], 2·S·K·(R·M + C·N)·2 bytes. Sums leave through 16·M·N bytes more.
// Parameters: M, N, K of the matrix units; LANES of a subgroup; R, C, S; TRANSPOSE_A, TRANSPOSE_B; those of
// lib/product.wgsl, with the bindings; HALF = 0, since the memory is of float16 anyway.
// Grid: fold(⌈rows / (2·R·M)⌉ · ⌈columns / (2·C·N)⌉ · splits · batch), columns fastest.
// Needs shader-f16, subgroups and chromium-experimental-subgroup-matrix, whose types are named <element, columns, rows>.
enable f16;
enable subgroups;
enable chromium_experimental_subgroup_matrix;
#include "lib/index.wgsl"
#include "lib/operand.wgsl"
#include "lib/product.wgsl"

var<workgroup> tile_a: array<f16, {{2 * R * M * S * K}}>;
var<workgroup> tile_b: array<f16, {{2 * C * N * S * K}}>;
var<workgroup> sums: array<f32, {{4 * M * N}}>;

// Where element k of a row (or column) of a tile with so many of them lies.
fn place(row: u32, k: u32, rows: u32) -> u32 { return (k / {{K}}u * rows + row) * {{K}}u + k % {{K}}u; }

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
  let first_row = row_tile * {{2 * R * M}}u;
  let first_column = column_tile * {{2 * C * N}}u;
  let a_base = index * params.a_batch;
  let b_base = index * params.b_batch;
  // The corner of this subgroup's sums.
  let own_row = subgroup / 2u * {{R * M}}u;
  let own_column = subgroup % 2u * {{C * N}}u;
#for I 0 {{R}}
#for J 0 {{C}}
  var sum{{I}}_{{J}}: subgroup_matrix_result<f32, {{N}}, {{M}}>;
#endfor
#endfor

  let end = min((split + 1u) * params.chunk, params.k);
  for (var k0 = split * params.chunk; k0 < end; k0 += {{S * K}}u) {
    for (var vector = lane; vector < {{R * M * S * K / 2}}u; vector += {{4 * LANES}}u) {
#if TRANSPOSE_A
      let k = vector / {{R * M / 2}}u;
      let row = vector % {{R * M / 2}}u * 4u;
      let loaded = load_a(a_base + min(k0 + k, params.k - 1u) * params.m + first_row + row);
      let value = select(vec4<f32>(0.0), loaded, k0 + k < end);
#for T 0 4
      tile_a[place(row + {{T}}u, k, {{2 * R * M}}u)] = f16(value[{{T}}]);
#endfor
#else
      let k = vector % {{S * K / 4}}u * 4u;
      let row = vector / {{S * K / 4}}u;
      let value = along_k(load_a(a_base + min(first_row + row, params.m - 1u) * params.k + k0 + k), k0 + k, end);
#for T 0 4
      tile_a[place(row, k + {{T}}u, {{2 * R * M}}u)] = f16(value[{{T}}]);
#endfor
#endif
    }
    for (var vector = lane; vector < {{C * N * S * K / 2}}u; vector += {{4 * LANES}}u) {
#if TRANSPOSE_B
      let k = vector % {{S * K / 4}}u * 4u;
      let column = vector / {{S * K / 4}}u;
      let value = along_k(load_b(b_base + min(first_column + column, params.n - 1u) * params.k + k0 + k), k0 + k, end);
#for T 0 4
      tile_b[place(column, k + {{T}}u, {{2 * C * N}}u)] = f16(value[{{T}}]);
#endfor
#else
      let k = vector / {{C * N / 2}}u;
      let column = vector % {{C * N / 2}}u * 4u;
      let loaded = load_b(b_base + min(k0 + k, params.k - 1u) * params.n + first_column + column);
      let value = select(vec4<f32>(0.0), loaded, k0 + k < end);
#for T 0 4
      tile_b[place(column + {{T}}u, k, {{2 * C * N}}u)] = f16(value[{{T}}]);
#endfor
#endif
    }
    workgroupBarrier();
#for Q 0 {{S}}
    {
#for J 0 {{C}}
      let right{{J}} = subgroupMatrixLoad<subgroup_matrix_right<f16, {{N}}, {{K}}>, col_major>(
        &tile_b, ({{Q * 2 * C * N + J * N}}u + own_column) * {{K}}u, {{K}}u);
#endfor
#for I 0 {{R}}
      let left{{I}} = subgroupMatrixLoad<subgroup_matrix_left<f16, {{K}}, {{M}}>, row_major>(
        &tile_a, ({{Q * 2 * R * M + I * M}}u + own_row) * {{K}}u, {{K}}u);
#for J 0 {{C}}
      sum{{I}}_{{J}} = subgroupMatrixMultiplyAccumulate(left{{I}}, right{{J}}, sum{{I}}_{{J}});
#endfor
#endfor
    }
#endfor
    workgroupBarrier();
  }

  // One matrix of every subgroup at a time, four outputs an invocation.
#for I 0 {{R}}
#for J 0 {{C}}
  subgroupMatrixStore<row_major>(&sums, subgroup * {{M * N}}u, sum{{I}}_{{J}}, {{N}}u);
  workgroupBarrier();
  for (var vector = lane; vector < {{M * N}}u; vector += {{4 * LANES}}u) {
    let whose = vector / {{M * N / 4}}u;
    let row = vector % {{M * N / 4}}u / {{N / 4}}u + {{I * M}}u + whose / 2u * {{R * M}}u;
    let column = vector % {{N / 4}}u * 4u + {{J * N}}u + whose % 2u * {{C * N}}u;
    let value = vec4<f32>(sums[4u * vector], sums[4u * vector + 1u], sums[4u * vector + 2u], sums[4u * vector + 3u]);
#if BIAS
    store(slab, first_row + row, first_column + column, value + load_bias(first_column + column));
#else
    store(slab, first_row + row, first_column + column, value);
#endif
  }
  workgroupBarrier();
#endfor
#endfor
}
