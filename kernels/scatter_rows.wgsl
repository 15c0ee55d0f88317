// page[places[k], c] = rows[k, c] for the rows k that have a place in the page (scatter_rows_places.wgsl).
// Workgroup 64, one element an invocation; grid fold(⌈count·columns / 64⌉).
// Bindings: rows [count, columns]; places u32 [count]; page [page_rows, columns].
#include "lib/index.wgsl"

struct Params { count: u32, columns: u32, page_rows: u32 }
@group(0) @binding(0) var<storage, read> rows: array<f32>;
@group(0) @binding(1) var<storage, read> places: array<u32>;
@group(0) @binding(2) var<storage, read_write> page: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let at = invocation_index(workgroup, workgroups, local, 64u);
  if (at >= params.count * params.columns) { return; }
  let place = places[at / params.columns];
  if (place < params.page_rows) { page[place * params.columns + at % params.columns] = rows[at]; }
}
