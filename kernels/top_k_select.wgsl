// The k best of each list; row r of x is dealt out to `splits` lists: list r·splits + s has columns s, s + splits, …
// A heap in memory per list, its worst element on top, so that most elements cost one comparison. Values become
// integers that sort alike (the bits of a float, negative ones turned over), so that infinities need no care.
// CONTINUE: the heaps hold the best of earlier columns; x begins at column `first`. Otherwise they begin with elements
// that lose to any other.
// Workgroup 8, one list an invocation, no barriers; grid fold(⌈lists / 8⌉), lists = rows·splits.
// Bindings: x [rows, columns]; keys, indices [k, lists].
#include "lib/index.wgsl"

struct Params { lists: u32, columns: u32, k: u32, splits: u32, first: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> keys: array<i32>;
@group(0) @binding(2) var<storage, read_write> indices: array<i32>;
@group(1) @binding(0) var<uniform> params: Params;

fn key_of(value: f32) -> i32 {
  // -0 equals 0
  let bits = select(bitcast<i32>(value), 0, value == 0.0);
  return select(bits, bits ^ 0x7fffffff, bits < 0);
}

fn worse(key: i32, index: i32, other_key: i32, other_index: i32) -> bool {
  return key < other_key || (key == other_key && index > other_index);
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let list = invocation_index(workgroup, workgroups, local, 8u);
  if (list >= params.lists) { return; }
#if CONTINUE
#else
  for (var slot = 0u; slot < params.k; slot++) {
    keys[slot * params.lists + list] = -0x7fffffff;
    indices[slot * params.lists + list] = 0x7fffffff;
  }
#endif
  let row = (list / params.splits) * params.columns;
  var worst = keys[list];
  for (var column = list % params.splits; column < params.columns; column += params.splits) {
    let key = key_of(x[row + column]);
    // Columns come in order, so an equal one loses to what is there.
    if (key <= worst) { continue; }
    let index = i32(params.first + column);
    var slot = 0u;
    for (var child = 1u; child < params.k; child = 2u * slot + 1u) {
      var at = child * params.lists + list;
      if (child + 1u < params.k && worse(keys[at + params.lists], indices[at + params.lists], keys[at], indices[at])) {
        at += params.lists;
        child += 1u;
      }
      if (!worse(keys[at], indices[at], key, index)) { break; }
      keys[slot * params.lists + list] = keys[at];
      indices[slot * params.lists + list] = indices[at];
      slot = child;
    }
    keys[slot * params.lists + list] = key;
    indices[slot * params.lists + list] = index;
    worst = keys[list];
  }
}
