// C = relu(op(A) · op(B) + bias + residual), tiles shared through workgroup memory, for GPUs; operands, splits and output
// as in matmul.wgsl. A software adapter runs it at a third of the speed of matmul.wgsl.
// Tile: 32·R × 32·C outputs a workgroup, 16 values of k a turn (8 KB where R = C = 2), 8 × 8 invocations of 4·R × 4·C
// outputs each. An invocation's rows and columns come as runs of four, 32 apart: neighbours read neighbouring vec4s of B's
// tile.
// Parameters: R, C; TRANSPOSE_A, TRANSPOSE_B; HALF: products of float16; those of lib/product.wgsl, with the bindings.
// Grid: fold(⌈M / 32·R⌉ · ⌈N / 32·C⌉ · splits · batch), columns fastest.
// Source: the SGEMM ladder of S. Boehm, https://siboehm.com/articles/22/CUDA-MMM (2022), kernels 5 and 6.
#include "lib/index.wgsl"
#include "lib/operand.wgsl"
#include "lib/product.wgsl"

// [k][row] and [k][column]. Not vec4s: two invocations may not write to one vector, even to different components.
var<workgroup> tile_a: array<array<f32, {{32 * R}}>, 16>;
var<workgroup> tile_b: array<array<f32, {{32 * C}}>, 16>;

fn along_k(value: vec4<f32>, k: u32, end: u32) -> vec4<f32> {
  return select(vec4<f32>(0.0), value, vec4<u32>(k, k + 1u, k + 2u, k + 3u) < vec4<u32>(end));
}

@compute @workgroup_size(8, 8)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_id) local: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let tile = invocation_index(workgroup, workgroups, 0u, 1u);
  let column_tile = tile % params.column_tiles;
  let row_tile = (tile / params.column_tiles) % params.row_tiles;
  let slab = tile / (params.column_tiles * params.row_tiles);
  if (slab >= params.splits * params.batch) { return; }
  let index = slab % params.batch;
  let split = slab / params.batch;
  let first_row = row_tile * {{32 * R}}u;
  let first_column = column_tile * {{32 * C}}u;
  let a_base = index * params.a_batch;
  let b_base = index * params.b_batch;
#for I 0 {{4 * R}}
#for J 0 {{C}}
  var sum{{I}}_{{J}} = vec4<f32>(0.0);
#endfor
#endfor

  let end = min((split + 1u) * params.chunk, params.k);
  for (var k0 = split * params.chunk; k0 < end; k0 += 16u) {
    // 64 invocations fill {{8 * R}} × 16 vec4s of A's tile and {{8 * C}} × 16 of B's.
#for S 0 {{2 * R}}
    {
#if TRANSPOSE_A
      let vector = {{64 * S}}u + lane;
      let k = vector / {{8 * R}}u;
      let group = vector % {{8 * R}}u;
      let value = load_a(a_base + min(k0 + k, params.k - 1u) * params.m + first_row + 4u * group);
#for T 0 4
      tile_a[k][4u * group + {{T}}u] = select(0.0, value[{{T}}], k0 + k < end);
#endfor
#else
      let k = 4u * (lane % 4u);
      let row = {{16 * S}}u + lane / 4u;
      let value = along_k(load_a(a_base + min(first_row + row, params.m - 1u) * params.k + k0 + k), k0 + k, end);
#for T 0 4
      tile_a[k + {{T}}u][row] = value[{{T}}];
#endfor
#endif
    }
#endfor
#for S 0 {{2 * C}}
    {
#if TRANSPOSE_B
      let k = 4u * (lane % 4u);
      let column = {{16 * S}}u + lane / 4u;
      let value = along_k(load_b(b_base + min(first_column + column, params.n - 1u) * params.k + k0 + k), k0 + k, end);
#for T 0 4
      tile_b[k + {{T}}u][column] = value[{{T}}];
#endfor
#else
      let vector = {{64 * S}}u + lane;
      let k = vector / {{8 * C}}u;
      let group = vector % {{8 * C}}u;
      let value = load_b(b_base + min(k0 + k, params.k - 1u) * params.n + first_column + 4u * group);
#for T 0 4
      tile_b[k][4u * group + {{T}}u] = select(0.0, value[{{T}}], k0 + k < end);
#endfor
#endif
    }
#endfor
    workgroupBarrier();
    for (var k = 0u; k < 16u; k++) {
#for J 0 {{C}}
      let b{{J}} = vec4<f32>(tile_b[k][4u * local.x + {{32 * J}}u], tile_b[k][4u * local.x + {{32 * J + 1}}u],
        tile_b[k][4u * local.x + {{32 * J + 2}}u], tile_b[k][4u * local.x + {{32 * J + 3}}u]);
#endfor
#for I 0 {{4 * R}}
      let a{{I}} = tile_a[k][4u * local.y + {{I / 4 * 32 + I - I / 4 * 4}}u];
#for J 0 {{C}}
      sum{{I}}_{{J}} += a{{I}} * b{{J}};
#endfor
#endfor
    }
    workgroupBarrier();
  }

#for J 0 {{C}}
  let column{{J}} = first_column + 4u * local.x + {{32 * J}}u;
#if BIAS
  let bias{{J}} = load_bias(column{{J}});
#else
  let bias{{J}} = vec4<f32>(0.0);
#endif
#for I 0 {{4 * R}}
  store(slab, first_row + 4u * local.y + {{I / 4 * 32 + I - I / 4 * 4}}u, column{{J}}, sum{{I}}_{{J}} + bias{{J}});
#endfor
#endfor
}
