// out[n, c] (+)= Σ_s factors[n, s] · page[indices[n, s] - first, c] over the rows that the page has, in the order of s.
// s from `begin` to `end`, of all `picked`. Sums of 256 terms are added up, so that a long one keeps its last digits.
// Parameters: BEGIN: the first terms, which overwrite; VEC: columns, counted in vec4s then, were a multiple of 4.
// Workgroup 64, one sum (of four columns with VEC) an invocation, columns fastest; grid fold(⌈rows·columns / 64⌉).
// Bindings: factors [rows, picked]; page [page_rows, columns]; indices i32 [rows, picked]; out [rows, columns].
#include "lib/index.wgsl"

struct Params { rows: u32, columns: u32, picked: u32, first: i32, page_rows: u32, begin: u32, end: u32 }
#if VEC
alias Sum = vec4<f32>;
#else
alias Sum = f32;
#endif
@group(0) @binding(0) var<storage, read> factors: array<f32>;
@group(0) @binding(1) var<storage, read> page: array<Sum>;
@group(0) @binding(2) var<storage, read> indices: array<i32>;
@group(0) @binding(3) var<storage, read_write> out: array<Sum>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let at = invocation_index(workgroup, workgroups, local, 64u);
  if (at >= params.rows * params.columns) { return; }
  let c = at % params.columns;
  let line = at / params.columns * params.picked;
  let end = line + params.end;
#if BEGIN
  var total = Sum(0.0);
#else
  var total = out[at];
#endif
  for (var chunk = line + params.begin; chunk < end; chunk += 256u) {
    var part = Sum(0.0);
    for (var s = chunk; s < min(chunk + 256u, end); s++) {
      // An index before the page is a large unsigned number.
      let row = u32(indices[s] - params.first);
      if (row < params.page_rows) { part += factors[s] * page[row * params.columns + c]; }
    }
    total += part;
  }
  out[at] = total;
}
