// C[b, m, n] = Σ_k op(A)[b, m, k] · op(B)[b, k, n] (+ bias[n]): a register tile an invocation, no barriers.
// A [batch, M, K], or [batch, K, M] with TRANSPOSE_A; B [batch, K, N], or [batch, N, K] with TRANSPOSE_B; an operand
// shared by the batch has batch stride 0. out [splits, batch, M, N]: split s sums k = s·chunk … (s + 1)·chunk − 1.
// Tile: R rows × 4·C columns an invocation, X × Y invocations a workgroup, one k a turn. Where Y = 1 the loads of A, and
// where X = 1 those of B, have one address for the whole workgroup: a software adapter makes them scalar. It checks every
// lane of any other load, in so much code that a loop with four k a turn leaves the instruction cache: 24 GFLOP/s with
// 8 × 4 outputs and four k, 40 with 16 × 8 and one (docs/rejected.md).
// Parameters: R (1 or a multiple of 4), C, X, Y; VEC_A: whole vec4s of a transposed A; VEC_B: of a B that is not; VEC_OUT;
// TRANSPOSE_A, TRANSPOSE_B, BIAS; HALF: products of float16 (lib/operand.wgsl).
// Grid: fold(⌈M / (R·Y)⌉ · ⌈N / (4·C·X)⌉ · splits · batch), columns fastest. Bindings: A, B, out, then bias [N] if BIAS.
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

@compute @workgroup_size({{X}}, {{Y}})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_id) local: vec3<u32>) {
  let tile = invocation_index(workgroup, workgroups, 0u, 1u);
  let column_tile = tile % params.column_tiles;
  let row_tile = (tile / params.column_tiles) % params.row_tiles;
  let slab = tile / (params.column_tiles * params.row_tiles);
  if (slab >= params.splits * params.batch) { return; }
  let index = slab % params.batch;
  let split = slab / params.batch;
  let row = (row_tile * {{Y}}u + local.y) * {{R}}u;
  let column = (column_tile * {{X}}u + local.x) * {{4 * C}}u;
  let a_base = index * params.a_batch;
  let b_base = index * params.b_batch;
#for I 0 {{R}}
#for J 0 {{C}}
  var sum{{I}}_{{J}} = vec4<f32>(0.0);
#endfor
#endfor

  // Rows and columns past the end bring a neighbour's numbers, or what WebGPU gives out of bounds; nothing stores them.
  let end = min((split + 1u) * params.chunk, params.k);
  for (var k = split * params.chunk; k < end; k++) {
#if TRANSPOSE_A
#for I 0 {{(R + 3) / 4}}
    let rows{{I}} = load_a(a_base + k * params.m + row + {{4 * I}}u);
#endfor
#endif
#for J 0 {{C}}
#if TRANSPOSE_B
    let columns{{J}} = operands(vec4<f32>(
#for T 0 4
      b[b_base + (column + {{4 * J + T}}u) * params.k + k],
#endfor
    ));
#else
    let columns{{J}} = load_b(b_base + k * params.n + column + {{4 * J}}u);
#endif
#endfor
#for I 0 {{R}}
#if TRANSPOSE_A
    let a{{I}} = rows{{I / 4}}[{{I - I / 4 * 4}}];
#else
    let a{{I}} = operand(a[a_base + (row + {{I}}u) * params.k + k]);
#endif
#for J 0 {{C}}
    sum{{I}}_{{J}} += a{{I}} * columns{{J}};
#endfor
#endfor
  }

#for J 0 {{C}}
#if BIAS
  let bias{{J}} = vec4<f32>(bias[column + {{4 * J}}u], bias[column + {{4 * J + 1}}u], bias[column + {{4 * J + 2}}u],
    bias[column + {{4 * J + 3}}u]);
#endif
#for I 0 {{R}}
#if BIAS
  store(slab, row + {{I}}u, column + {{4 * J}}u, sum{{I}}_{{J}} + bias{{J}});
#else
  store(slab, row + {{I}}u, column + {{4 * J}}u, sum{{I}}_{{J}});
#endif
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
