// partial[c, i] = max over the keys j of chunk c of s_ij, from a block of dot products of keys and rows: the first pass
// over it of keySweep (src/ops/keySweep.plan.ts). Rows come four to a vec4, so that neighbours read neighbours.
// Parameters: SKIP: '', given or itself (lib/key_skip.wgsl); BIAS.
// Workgroup 64, one chunk of four rows an invocation; grid fold(⌈chunks·quads / 64⌉).
// Bindings: products [keys, quads] vec4; partial [chunks, quads] vec4; then bias [keys] if BIAS, skip i32 [rows] if given.
#include "lib/index.wgsl"

struct Params { rows: u32, quads: u32, keys: u32, chunk: u32, chunks: u32, first: i32, scale: f32 }
@group(0) @binding(0) var<storage, read> products: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> partial: array<vec4<f32>>;
#if BIAS
@group(0) @binding(2) var<storage, read> bias: array<f32>;
#endif
#if SKIP == given
@group(0) @binding({{2 + BIAS}}) var<storage, read> skip: array<i32>;
#endif
@group(1) @binding(0) var<uniform> params: Params;
#include "lib/key_similarity.wgsl"
#include "lib/key_skip.wgsl"

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let at = invocation_index(workgroup, workgroups, local, 64u);
  if (at >= params.chunks * params.quads) { return; }
  let quad = at % params.quads;
  let begin = at / params.quads * params.chunk;
  let skipped = skipped_by(quad);
  var largest = vec4<f32>(-1e30);
  for (var j = begin; j < min(begin + params.chunk, params.keys); j++) {
    largest = max(largest, counted(j, quad, skipped));
  }
  partial[at] = largest;
}
