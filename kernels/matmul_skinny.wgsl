// C = relu(op(A) · op(B) + bias + residual) where one operand has at most 8 rows or columns, the few, and the other, the
// many, is read once: as a matrix times a vector, bound by memory. For GPUs, since it ends in barriers.
// The many lie along k (ALONG_K: [many, K]) or beside each other ([K, many]); the few anyhow, by two strides; so do the
// outputs, so that the few may be A's rows or B's columns. Split s sums k = s·chunk … (s + 1)·chunk − 1.
// Workgroup: 256. ALONG_K: 32 lanes along k, a vec4 each, for each of 8 of the many. Otherwise 16 lanes of four of the
// many, 16 times, k by k. Lanes' sums meet in workgroup memory (4 KB), one of the few after the other, added in order.
// Parameters: FEW 1 … 8; ALONG_K; VEC: whole vec4s of the many; BIAS: 0, `few` or `many`, along which it lies; RESIDUAL,
// RELU; HALF: products of float16 (lib/operand.wgsl).
// Grid: fold(⌈many / 8 or 64⌉ · splits · batch). Bindings: few, many, out, then bias, then residual, each where it is.
#include "lib/index.wgsl"
#include "lib/operand.wgsl"

struct Params {
  many: u32, k: u32, few_row: u32, few_k: u32, few_batch: u32, many_batch: u32, out_few: u32, out_many: u32, batch: u32,
  splits: u32, chunk: u32, tiles: u32,
}
@group(0) @binding(0) var<storage, read> few: array<f32>;
#if VEC
@group(0) @binding(1) var<storage, read> many: array<vec4<f32>>;
fn load_many(i: u32) -> vec4<f32> { return operands(many[i >> 2u]); }
#else
@group(0) @binding(1) var<storage, read> many: array<f32>;
fn load_many(i: u32) -> vec4<f32> { return operands(vec4<f32>(many[i], many[i + 1u], many[i + 2u], many[i + 3u])); }
#endif
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
#if BIAS
@group(0) @binding(3) var<storage, read> bias: array<f32>;
#endif
#if RESIDUAL
#if BIAS
@group(0) @binding(4) var<storage, read> residual: array<f32>;
#else
@group(0) @binding(3) var<storage, read> residual: array<f32>;
#endif
#endif
@group(1) @binding(0) var<uniform> params: Params;

#if ALONG_K
// [output][lane]
var<workgroup> sums: array<array<f32, 32>, 8>;
#else
var<workgroup> sums: array<array<f32, 16>, 64>;
#endif

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let tile = invocation_index(workgroup, workgroups, 0u, 1u);
  let slab = tile / params.tiles;
  if (slab >= params.splits * params.batch) { return; }
  let index = slab % params.batch;
  let split = slab / params.batch;
  let begin = split * params.chunk;
  let end = min(begin + params.chunk, params.k);
  let few_base = index * params.few_batch;
  let many_base = index * params.many_batch;
#for F 0 {{FEW}}
  var sum{{F}} = vec4<f32>(0.0);
#endfor
#if ALONG_K
  let lane = local % 32u;
  let place = local / 32u;
  let first = tile % params.tiles * 8u;
  let row = many_base + min(first + place, params.many - 1u) * params.k;
  for (var k = begin + 4u * lane; k < end; k += 128u) {
    let inside = vec4<u32>(k, k + 1u, k + 2u, k + 3u) < vec4<u32>(end);
    let value = select(vec4<f32>(0.0), load_many(row + k), inside);
    let at = few_base + k * params.few_k;
#for F 0 {{FEW}}
    let at{{F}} = at + {{F}}u * params.few_row;
    let other{{F}} = operands(vec4<f32>(few[at{{F}}], few[at{{F}} + params.few_k], few[at{{F}} + 2u * params.few_k],
      few[at{{F}} + 3u * params.few_k]));
    sum{{F}} += value * select(vec4<f32>(0.0), other{{F}}, inside);
#endfor
  }
#else
  let lane = local / 16u;
  let place = local % 16u;
  let first = tile % params.tiles * 64u;
  // The last of the many bring a neighbour's numbers; nothing stores them.
  let column = many_base + first + 4u * place;
  for (var k = begin + lane; k < end; k += 16u) {
    let value = load_many(column + k * params.many);
    let at = few_base + k * params.few_k;
#for F 0 {{FEW}}
    sum{{F}} += operand(few[at + {{F}}u * params.few_row]) * value;
#endfor
  }
#endif
#for F 0 {{FEW}}
#if ALONG_K
  sums[place][lane] = (sum{{F}}.x + sum{{F}}.y) + (sum{{F}}.z + sum{{F}}.w);
#else
#for T 0 4
  sums[4u * place + {{T}}u][lane] = sum{{F}}[{{T}}];
#endfor
#endif
  workgroupBarrier();
#if ALONG_K
  if (local < 8u) { finish(slab, {{F}}u, first + local, local); }
#else
  if (local < 64u) { finish(slab, {{F}}u, first + local, local); }
#endif
  workgroupBarrier();
#endfor
}

// Adds up the lanes' sums of output `place` of this workgroup, one of the many with one of the few.
fn finish(slab: u32, row: u32, number: u32, place: u32) {
  if (number >= params.many) { return; }
  var total = 0.0;
#if ALONG_K
  for (var lane = 0u; lane < 32u; lane++) { total += sums[place][lane]; }
#else
  for (var lane = 0u; lane < 16u; lane++) { total += sums[place][lane]; }
#endif
  let at = slab * {{FEW}}u * params.many + row * params.out_few + number * params.out_many;
#if BIAS == few
  total += bias[row];
#endif
#if BIAS == many
  total += bias[number];
#endif
#if RESIDUAL
  total += residual[at];
#endif
#if RELU
  total = max(total, 0.0);
#endif
  out[at] = total;
}
