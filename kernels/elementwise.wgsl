// out[i] = f(a[i], b[i], c[i]), NumPy broadcasting, four elements an invocation.
// f is the formula of a row of ops/elementwise.table.ts, in a, b, c (and y, none here).
// Parameters: FORMULA; OUT: result type; for each operand X of A, B, C: X, its element type, and KIND_X: `none`,
// `element` (read at i, or at a broadcast index when RANK > 0), or `p` or `q`, a constant of Params; AT_B, AT_C: binding
// numbers of b and c, AT_OUT of out; RANK: number of axes that broadcasting leaves, 0 where all operands have one shape.
// Workgroup 256; grid fold(⌈count / 1024⌉). Bindings: the operands that are no constants, then out [count].
#include "lib/index.wgsl"
#include "lib/special.wgsl"

struct Params {
  count: u32, p: f32, q: f32,
#for I 0 {{RANK}}
  size_{{I}}: u32, a_{{I}}: u32, b_{{I}}: u32, c_{{I}}: u32,
#endfor
}
#if KIND_A == element
@group(0) @binding(0) var<storage, read> source_a: array<{{A}}>;
#endif
#if KIND_B == element
@group(0) @binding({{AT_B}}) var<storage, read> source_b: array<{{B}}>;
#endif
#if KIND_C == element
@group(0) @binding({{AT_C}}) var<storage, read> source_c: array<{{C}}>;
#endif
@group(0) @binding({{AT_OUT}}) var<storage, read_write> out: array<{{OUT}}>;
@group(1) @binding(0) var<uniform> params: Params;

fn element(i: u32) -> {{OUT}} {
#if RANK
  var rest = i;
  var at_a = 0u;
  var at_b = 0u;
  var at_c = 0u;
  var x = 0u;
#else
  let at_a = i;
  let at_b = i;
  let at_c = i;
#endif
#for I 0 {{RANK}}
  x = rest % params.size_{{RANK - 1 - I}};
  rest = rest / params.size_{{RANK - 1 - I}};
  at_a += x * params.a_{{RANK - 1 - I}};
  at_b += x * params.b_{{RANK - 1 - I}};
  at_c += x * params.c_{{RANK - 1 - I}};
#endfor
#if KIND_A == element
  let a = source_a[at_a];
#else
  let a = {{A}}(params.{{KIND_A}});
#endif
#if KIND_B == element
  let b = source_b[at_b];
#endif
#if KIND_B == p
  let b = {{B}}(params.p);
#endif
#if KIND_B == q
  let b = {{B}}(params.q);
#endif
#if KIND_C == element
  let c = source_c[at_c];
#endif
#if KIND_C == p
  let c = {{C}}(params.p);
#endif
#if KIND_C == q
  let c = {{C}}(params.q);
#endif
  return {{OUT}}({{FORMULA}});
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  // The four elements are a workgroup's width apart, so that neighbouring invocations touch neighbouring words.
  let first = invocation_index(workgroup, workgroups, 0u, 1024u) + local;
#for J 0 4
  if (first + {{J * 256}}u < params.count) { out[first + {{J * 256}}u] = element(first + {{J * 256}}u); }
#endfor
}
