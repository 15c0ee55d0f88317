// out[n, s] = queries[n] · page[indices[n, s] - first] where the page has that row; the others are left to the launches
// of the other pages.
// Parameters: VEC: columns is a multiple of 4.
// Workgroup 64, one product an invocation; grid fold(⌈rows·picked / 64⌉).
// Bindings: queries [rows, columns]; page [page_rows, columns]; indices i32 [rows, picked]; out [rows, picked].
#include "lib/index.wgsl"

struct Params { rows: u32, columns: u32, picked: u32, first: i32, page_rows: u32 }
#if VEC
@group(0) @binding(0) var<storage, read> queries: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> page: array<vec4<f32>>;
#else
@group(0) @binding(0) var<storage, read> queries: array<f32>;
@group(0) @binding(1) var<storage, read> page: array<f32>;
#endif
@group(0) @binding(2) var<storage, read> indices: array<i32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let at = invocation_index(workgroup, workgroups, local, 64u);
  if (at >= params.rows * params.picked) { return; }
  // An index before the page is a large unsigned number.
  let row = u32(indices[at] - params.first);
  if (row >= params.page_rows) { return; }
  let n = at / params.picked;
#if VEC
  let width = params.columns / 4u;
  var sums = vec4<f32>(0.0);
  for (var c = 0u; c < width; c++) { sums += queries[n * width + c] * page[row * width + c]; }
  out[at] = (sums.x + sums.y) + (sums.z + sums.w);
#else
  var sum = 0.0;
  for (var c = 0u; c < params.columns; c++) { sum += queries[n * params.columns + c] * page[row * params.columns + c]; }
  out[at] = sum;
#endif
}
