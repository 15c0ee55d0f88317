// out[o, s, i] = ⊕ over the chunk s of r of x[o, r, i], ⊕ = +, max or min; x [outer, length, inner], out
// [outer, chunks, inner]. A long reduction runs twice: chunks first, then the chunks' results, both in index order.
// Parameters: COMBINE: an expression in `total` and `value`; T: vec4<f32> where inner comes in fours, else f32 (inner
// counts T).
// Workgroup 64, one output an invocation, a serial loop over its chunk: no barriers. Grid fold(⌈outer·chunks·inner / 64⌉).
#include "lib/index.wgsl"

struct Params { outer: u32, length: u32, inner: u32, chunk: u32, chunks: u32 }
@group(0) @binding(0) var<storage, read> x: array<{{T}}>;
@group(0) @binding(1) var<storage, read_write> out: array<{{T}}>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let at = invocation_index(workgroup, workgroups, local, 64u);
  if (at >= params.outer * params.chunks * params.inner) { return; }
  let i = at % params.inner;
  let s = (at / params.inner) % params.chunks;
  let o = at / (params.inner * params.chunks);
  let begin = s * params.chunk;
  let end = min(begin + params.chunk, params.length);
  var total = x[(o * params.length + begin) * params.inner + i];
  for (var r = begin + 1u; r < end; r++) {
    let value = x[(o * params.length + r) * params.inner + i];
    total = {{COMBINE}};
  }
  out[at] = total;
}
