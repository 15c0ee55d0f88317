// starts[r] = the first k with row_of(indices[order[k]]) ≥ r, for r in 0 … rows: row r's elements are order[starts[r]] to
// order[starts[r + 1]] (exclusive). A binary search an invocation.
// Workgroup 64; grid fold(⌈(rows + 1) / 64⌉). Bindings: indices int32 [count], order u32 [count], starts u32 [rows + 1].
#include "lib/index.wgsl"
#include "lib/key.wgsl"

struct Params { count: u32, rows: u32 }
@group(0) @binding(0) var<storage, read> indices: array<i32>;
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read_write> starts: array<u32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let row = invocation_index(workgroup, workgroups, local, 64u);
  if (row > params.rows) { return; }
  var low = 0u;
  var high = params.count;
  while (low < high) {
    let middle = (low + high) / 2u;
    if (row_of(indices[order[middle]], params.rows) < row) { low = middle + 1u; } else { high = middle; }
  }
  starts[row] = low;
}
