// C[b, m, n] = relu(Σ_k op(A)[b, m, k] · op(B)[b, k, n] + bias[n] + residual[b, m, n]), of the last three what is asked for:
// a register tile an invocation, no barriers.
// A [batch, M, K], or [batch, K, M] with TRANSPOSE_A; B [batch, K, N], or [batch, N, K] with TRANSPOSE_B; an operand
// shared by the batch has batch stride 0. out [splits, batch, M, N]: split s sums k = s·chunk … (s + 1)·chunk − 1.
// Tile: R rows × 4·C columns an invocation, X × Y invocations a workgroup, one k a turn. Where Y = 1 the loads of A, and
// where X = 1 those of B, have one address for the whole workgroup: a software adapter makes them scalar. It checks every
// lane of any other load, in so much code that a loop with four k a turn leaves the instruction cache: 24 GFLOP/s with
// 8 × 4 outputs and four k, 40 with 16 × 8 and one (docs/rejected.md).
// Parameters: R (1 or a multiple of 4), C, X, Y; VEC_A: whole vec4s of a transposed A; VEC_B: of a B that is not; VEC_OUT;
// TRANSPOSE_A, TRANSPOSE_B; BIAS, RESIDUAL, RELU; HALF: products of float16 (lib/operand.wgsl).
// Grid: fold(⌈M / (R·Y)⌉ · ⌈N / (4·C·X)⌉ · splits · batch), columns fastest. Bindings: see lib/product.wgsl.
#include "lib/index.wgsl"
#include "lib/operand.wgsl"
#include "lib/product.wgsl"

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
  let bias{{J}} = load_bias(column + {{4 * J}}u);
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
