// Where the rows of scatter_rows go: places[k] = indices[k] - first, or page_rows (nowhere) where that is no row of the
// page, or where a later row has the same index: the last one wins, whatever the order in which invocations run.
// Workgroup 64, one row an invocation, which looks at the rows behind it; grid fold(⌈count / 64⌉).
// Bindings: indices i32 [count]; places u32 [count].
#include "lib/index.wgsl"

struct Params { count: u32, first: i32, page_rows: u32 }
@group(0) @binding(0) var<storage, read> indices: array<i32>;
@group(0) @binding(1) var<storage, read_write> places: array<u32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let k = invocation_index(workgroup, workgroups, local, 64u);
  if (k >= params.count) { return; }
  let index = indices[k];
  // An index before the page is a large unsigned number.
  var place = min(u32(index - params.first), params.page_rows);
  for (var later = k + 1u; later < params.count && place < params.page_rows; later++) {
    if (indices[later] == index) { place = params.page_rows; }
  }
  places[k] = place;
}
