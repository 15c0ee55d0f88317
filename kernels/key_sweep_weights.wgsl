// The second pass of keySweep over a block: each product becomes its weight exp(s_ij - largest_i), and partial[c, i] is
// their sum over the keys j of chunk c.
// Parameters: SKIP: '', given or itself (lib/key_skip.wgsl); BIAS; KEEP: the products stay as they are.
// Workgroup 64, one chunk of four rows an invocation; grid fold(⌈chunks·quads / 64⌉).
// Bindings: products [keys, quads] vec4; partial [chunks, quads] vec4; largest [rows]; then bias [keys] if BIAS,
// skip i32 [rows] if given.
#include "lib/index.wgsl"

struct Params { rows: u32, quads: u32, keys: u32, chunk: u32, chunks: u32, first: i32, scale: f32 }
@group(0) @binding(0) var<storage, read_write> products: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> partial: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> largest: array<f32>;
#if BIAS
@group(0) @binding(3) var<storage, read> bias: array<f32>;
#endif
#if SKIP == given
@group(0) @binding({{3 + BIAS}}) var<storage, read> skip: array<i32>;
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
  let i = min(4u * quad + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(params.rows - 1u));
  let most = vec4<f32>(largest[i.x], largest[i.y], largest[i.z], largest[i.w]);
  var sum = vec4<f32>(0.0);
  for (var j = begin; j < min(begin + params.chunk, params.keys); j++) {
    let weight = exp(counted(j, quad, skipped) - most);
#if KEEP
#else
    products[j * params.quads + quad] = weight;
#endif
    sum += weight;
  }
  partial[at] = sum;
}
