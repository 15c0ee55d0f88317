// C[b, m, n] = Σ_k op(A)[b, m, k] · op(B)[b, k, n] (+ bias[n]), tiles shared through workgroup memory, for GPUs; operands,
// splits and output as in matmul.wgsl. A software adapter runs it at a third of the speed of matmul.wgsl.
// Tile: 64 × 64 outputs a workgroup, 16 values of k a turn (8 KB), 8 × 8 invocations of 8 × 8 outputs each. An
// invocation's rows and columns come as two runs of four, 32 apart: neighbours read neighbouring vec4s of B's tile.
// Grid: fold(⌈M / 64⌉ · ⌈N / 64⌉ · splits · batch), columns fastest. Bindings: A, B, out, then bias [N] if BIAS.
// Source: the SGEMM ladder of S. Boehm, https://siboehm.com/articles/22/CUDA-MMM (2022), kernels 5 and 6.
#include "lib/index.wgsl"
#include "lib/operand.wgsl"

struct Params {
  m: u32, n: u32, k: u32, a_batch: u32, b_batch: u32, batch: u32, splits: u32, chunk: u32, row_tiles: u32,
  column_tiles: u32,
}
#if VEC_A
@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
fn load_a(i: u32) -> vec4<f32> { return operands(a[i >> 2u]); }
#else
@group(0) @binding(0) var<storage, read> a: array<f32>;
fn load_a(i: u32) -> vec4<f32> { return operands(vec4<f32>(a[i], a[i + 1u], a[i + 2u], a[i + 3u])); }
#endif
#if VEC_B
@group(0) @binding(1) var<storage, read> b: array<vec4<f32>>;
fn load_b(i: u32) -> vec4<f32> { return operands(b[i >> 2u]); }
#else
@group(0) @binding(1) var<storage, read> b: array<f32>;
fn load_b(i: u32) -> vec4<f32> { return operands(vec4<f32>(b[i], b[i + 1u], b[i + 2u], b[i + 3u])); }
#endif
#if VEC_OUT
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
#else
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
#endif
#if BIAS
@group(0) @binding(3) var<storage, read> bias: array<f32>;
#endif
@group(1) @binding(0) var<uniform> params: Params;

// [k][row] and [k][column]. Not vec4s: two invocations may not write to one vector, even to different components.
var<workgroup> tile_a: array<array<f32, 64>, 16>;
var<workgroup> tile_b: array<array<f32, 64>, 16>;

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
  let first_row = row_tile * 64u;
  let first_column = column_tile * 64u;
  let a_base = index * params.a_batch;
  let b_base = index * params.b_batch;
#for I 0 8
  var sum{{I}}_0 = vec4<f32>(0.0);
  var sum{{I}}_1 = vec4<f32>(0.0);
#endfor

  let end = min((split + 1u) * params.chunk, params.k);
  for (var k0 = split * params.chunk; k0 < end; k0 += 16u) {
    // 64 invocations fill 16 × 16 vec4s of each tile, four turns.
#for S 0 4
    {
#if TRANSPOSE_A
      let k = {{4 * S}}u + lane / 16u;
      let group = lane % 16u;
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
    {
#if TRANSPOSE_B
      let k = 4u * (lane % 4u);
      let column = {{16 * S}}u + lane / 4u;
      let value = along_k(load_b(b_base + min(first_column + column, params.n - 1u) * params.k + k0 + k), k0 + k, end);
#for T 0 4
      tile_b[k + {{T}}u][column] = value[{{T}}];
#endfor
#else
      let k = {{4 * S}}u + lane / 16u;
      let group = lane % 16u;
      let value = load_b(b_base + min(k0 + k, params.k - 1u) * params.n + first_column + 4u * group);
#for T 0 4
      tile_b[k][4u * group + {{T}}u] = select(0.0, value[{{T}}], k0 + k < end);
#endfor
#endif
    }
#endfor
    workgroupBarrier();
    for (var k = 0u; k < 16u; k++) {
#for J 0 2
      let b{{J}} = vec4<f32>(tile_b[k][4u * local.x + {{32 * J}}u], tile_b[k][4u * local.x + {{32 * J + 1}}u],
        tile_b[k][4u * local.x + {{32 * J + 2}}u], tile_b[k][4u * local.x + {{32 * J + 3}}u]);
#endfor
#for I 0 8
      let a{{I}} = tile_a[k][4u * local.y + {{I / 4 * 32 + I - I / 4 * 4}}u];
      sum{{I}}_0 += a{{I}} * b0;
      sum{{I}}_1 += a{{I}} * b1;
#endfor
    }
    workgroupBarrier();
  }

#for J 0 2
  let column{{J}} = first_column + 4u * local.x + {{32 * J}}u;
#if BIAS
  let bias{{J}} = vec4<f32>(bias[column{{J}}], bias[column{{J}} + 1u], bias[column{{J}} + 2u], bias[column{{J}} + 3u]);
#else
  let bias{{J}} = vec4<f32>(0.0);
#endif
#for I 0 8
  store(slab, first_row + 4u * local.y + {{I / 4 * 32 + I - I / 4 * 4}}u, column{{J}}, sum{{I}}_{{J}} + bias{{J}});
#endfor
#endfor
}

fn store(slab: u32, row: u32, column: u32, value: vec4<f32>) {
  if (row >= params.m) { return; }
  let at = (slab * params.m + row) * params.n + column;
#if VEC_OUT
  if (column < params.n) { out[at >> 2u] = value; }
#else
#for T 0 4
  if (column + {{T}}u < params.n) { out[at + {{T}}u] = value[{{T}}]; }
#endfor
#endif
}
