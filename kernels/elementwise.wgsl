// out[i] = f(a[i], b[i], c[i]), NumPy broadcasting; f is the formula of a row of ops/elementwise.table.ts.
// Parameters: FORMULA, in a, b, c. WIDTH: 4 where the last axis comes in fours, else 1; a group is so many neighbours
// along it, and count, sizes and strides count groups. For each operand X of A, B, C: X: element type; GROUP_X: type of
// a group; KIND_X: `element`, or `p` or `q`, a constant of Params, also where the formula has no such operand; STORED_X:
// what the binding holds: groups, or single elements, each stretched over a group, with strides that count elements.
// OUT, GROUP_OUT: of the result. AT_B, AT_C, AT_OUT: binding numbers. RANK: number of axes that broadcasting leaves, 0
// where all operands have one shape.
// A stream of groups (lib/stream.wgsl). Bindings: the operands that are no constants, then out [count].
#include "lib/stream.wgsl"
#include "lib/special.wgsl"

struct Params {
  count: u32, each: u32, p: f32, q: f32,
#for I 0 {{RANK}}
  size_{{I}}: u32, a_{{I}}: u32, b_{{I}}: u32, c_{{I}}: u32,
#endfor
}
#if KIND_A == element
@group(0) @binding(0) var<storage, read> source_a: array<{{STORED_A}}>;
#endif
#if KIND_B == element
@group(0) @binding({{AT_B}}) var<storage, read> source_b: array<{{STORED_B}}>;
#endif
#if KIND_C == element
@group(0) @binding({{AT_C}}) var<storage, read> source_c: array<{{STORED_C}}>;
#endif
@group(0) @binding({{AT_OUT}}) var<storage, read_write> out: array<{{GROUP_OUT}}>;
@group(1) @binding(0) var<uniform> params: Params;
#if RANK
#include "lib/axes.wgsl"
#endif

fn formula(a: {{A}}, b: {{B}}, c: {{C}}) -> {{OUT}} { return {{OUT}}({{FORMULA}}); }

fn group(at_a: u32, at_b: u32, at_c: u32) -> {{GROUP_OUT}} {
#if KIND_A == element
  let a = {{GROUP_A}}(source_a[at_a]);
#else
  let a = {{GROUP_A}}({{A}}(params.{{KIND_A}}));
#endif
#if KIND_B == element
  let b = {{GROUP_B}}(source_b[at_b]);
#else
  let b = {{GROUP_B}}({{B}}(params.{{KIND_B}}));
#endif
#if KIND_C == element
  let c = {{GROUP_C}}(source_c[at_c]);
#else
  let c = {{GROUP_C}}({{C}}(params.{{KIND_C}}));
#endif
#if WIDTH == 4
  return {{GROUP_OUT}}(
    formula(a.x, b.x, c.x), formula(a.y, b.y, c.y), formula(a.z, b.z, c.z), formula(a.w, b.w, c.w));
#else
  return formula(a, b, c);
#endif
}

@compute @workgroup_size({{WORKGROUP}})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let part = stretch(workgroup, workgroups, local);
#if RANK
  place_at(part.begin);
#endif
  for (var i = part.begin; i < part.end; i += {{WORKGROUP}}u) {
#if RANK
    var at_a = 0u;
    var at_b = 0u;
    var at_c = 0u;
#for I 0 {{RANK}}
    at_a += place[{{I}}] * params.a_{{I}};
    at_b += place[{{I}}] * params.b_{{I}};
    at_c += place[{{I}}] * params.c_{{I}};
#endfor
    out[i] = group(at_a, at_b, at_c);
    next_place();
#else
    out[i] = group(i, i, i);
#endif
  }
}
