// Every element to its place by the digit at `shift`, in the order in which it came: the end of a radix sort pass.
// Elements and keys as in sort_count.wgsl. Parameters: FIRST: the first pass.
// Workgroup 64, one block an invocation; grid fold(⌈blocks / 64⌉).
// Bindings: indices int32 [count], starts u32 [16, blocks + 1], sorted u32 [count], then order u32 [count] unless FIRST.
#include "lib/index.wgsl"
#include "lib/key.wgsl"

struct Params { count: u32, rows: u32, block: u32, blocks: u32, shift: u32 }
@group(0) @binding(0) var<storage, read> indices: array<i32>;
@group(0) @binding(1) var<storage, read> starts: array<u32>;
@group(0) @binding(2) var<storage, read_write> sorted: array<u32>;
#if FIRST
#else
@group(0) @binding(3) var<storage, read> order: array<u32>;
#endif
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let b = invocation_index(workgroup, workgroups, local, 64u);
  if (b >= params.blocks) { return; }
  var next: array<u32, 16>;
  var before = 0u;
  for (var d = 0u; d < 16u; d++) {
    next[d] = before + starts[d * (params.blocks + 1u) + b];
    before += starts[d * (params.blocks + 1u) + params.blocks];
  }
  for (var k = b * params.block; k < min((b + 1u) * params.block, params.count); k++) {
#if FIRST
    let element = k;
#else
    let element = order[k];
#endif
    let digit = (row_of(indices[element], params.rows) >> params.shift) & 15u;
    sorted[next[digit]] = element;
    next[digit] += 1u;
  }
}
