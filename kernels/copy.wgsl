// out[to + Σ xₖ·oₖ] = source[from + Σ xₖ·sₖ] for every index x of a block: transpose, slice, its inverse, and the pieces
// of concat, for any type of four bytes.
// Parameters: T: vec4<u32> where both sides walk along the last axis and all else comes in fours, else u32; RANK ≥ 1, the
// axes of the block; sizes, source strides s and out strides o, counted in T, are fields of Params.
// A stream of the block's elements (lib/stream.wgsl). Bindings: source, out.
#include "lib/stream.wgsl"
#include "lib/axes.wgsl"

struct Params {
  count: u32, each: u32, source_at: u32, out_at: u32,
#for I 0 {{RANK}}
  size_{{I}}: u32, source_{{I}}: u32, out_{{I}}: u32,
#endfor
}
@group(0) @binding(0) var<storage, read> source: array<{{T}}>;
@group(0) @binding(1) var<storage, read_write> out: array<{{T}}>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size({{WORKGROUP}})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let part = stretch(workgroup, workgroups, local);
  place_at(part.begin);
  for (var i = part.begin; i < part.end; i += {{WORKGROUP}}u) {
    var from_at = params.source_at;
    var to_at = params.out_at;
#for I 0 {{RANK}}
    from_at += place[{{I}}] * params.source_{{I}};
    to_at += place[{{I}}] * params.out_{{I}};
#endfor
    out[to_at] = source[from_at];
    next_place();
  }
}
