// out[to + Σ xₖ·oₖ] = source[from + Σ xₖ·sₖ] for every index x of a block: transpose, slice, its inverse, and the pieces
// of concat, for any type of four bytes.
// Parameters: RANK ≥ 1, the axes of the block; sizes, source strides s and out strides o are fields of Params.
// Workgroup 256, four elements an invocation; grid fold(⌈count / 1024⌉). Bindings: source, out.
#include "lib/index.wgsl"

struct Params {
  count: u32, source_at: u32, out_at: u32,
#for I 0 {{RANK}}
  size_{{I}}: u32, source_{{I}}: u32, out_{{I}}: u32,
#endfor
}
@group(0) @binding(0) var<storage, read> source: array<u32>;
@group(0) @binding(1) var<storage, read_write> out: array<u32>;
@group(1) @binding(0) var<uniform> params: Params;

fn move_element(i: u32) {
  var rest = i;
  var from_at = params.source_at;
  var to_at = params.out_at;
  var x = 0u;
#for I 1 {{RANK}}
  x = rest % params.size_{{RANK - I}};
  rest = rest / params.size_{{RANK - I}};
  from_at += x * params.source_{{RANK - I}};
  to_at += x * params.out_{{RANK - I}};
#endfor
  out[to_at + rest * params.out_0] = source[from_at + rest * params.source_0];
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  // The four elements are a workgroup's width apart, so that neighbouring invocations touch neighbouring words.
  let first = invocation_index(workgroup, workgroups, 0u, 1024u) + local;
#for J 0 4
  if (first + {{J * 256}}u < params.count) { move_element(first + {{J * 256}}u); }
#endfor
}
