// counts[d, b] = how many elements of block b have the digit d: the first third of a stable radix sort pass over four
// bits. The element k is order[k] (FIRST: k itself), its key row_of(indices[element]).
// Parameters: FIRST: the first pass. Workgroup 64, one block of `block` elements an invocation, no barriers;
// grid fold(⌈blocks / 64⌉). Bindings: indices int32 [count], counts u32 [16, blocks], then order u32 [count] unless FIRST.
// Idea: LSD radix sort with per-block histograms (Satish, Harris & Garland, 2009), one invocation a block.
#include "lib/index.wgsl"
#include "lib/key.wgsl"

struct Params { count: u32, rows: u32, block: u32, blocks: u32, shift: u32 }
@group(0) @binding(0) var<storage, read> indices: array<i32>;
@group(0) @binding(1) var<storage, read_write> counts: array<u32>;
#if FIRST
#else
@group(0) @binding(2) var<storage, read> order: array<u32>;
#endif
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let b = invocation_index(workgroup, workgroups, local, 64u);
  if (b >= params.blocks) { return; }
  var found: array<u32, 16>;
  for (var k = b * params.block; k < min((b + 1u) * params.block, params.count); k++) {
#if FIRST
    let element = k;
#else
    let element = order[k];
#endif
    found[(row_of(indices[element], params.rows) >> params.shift) & 15u] += 1u;
  }
  for (var d = 0u; d < 16u; d++) { counts[d * params.blocks + b] = found[d]; }
}
