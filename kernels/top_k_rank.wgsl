// Merges and sorts the lists of top_k_select: a candidate's place is how many of its row's are better, of equal ones
// those at a lower index. The first k places are written.
// Workgroup 64, one candidate an invocation; grid fold(⌈rows·splits·k / 64⌉).
// Bindings: keys, indices [k, rows·splits]; values, out [rows, k].
#include "lib/index.wgsl"

struct Params { rows: u32, k: u32, splits: u32 }
@group(0) @binding(0) var<storage, read> keys: array<i32>;
@group(0) @binding(1) var<storage, read> indices: array<i32>;
@group(0) @binding(2) var<storage, read_write> values: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<i32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let candidate = invocation_index(workgroup, workgroups, local, 64u);
  let candidates = params.splits * params.k;
  if (candidate >= params.rows * candidates) { return; }
  let row = candidate / candidates;
  let lists = params.rows * params.splits;
  let nth = candidate % candidates;
  let at = (nth / params.splits) * lists + row * params.splits + nth % params.splits;
  let key = keys[at];
  let index = indices[at];
  var place = 0u;
  for (var slot = 0u; slot < params.k; slot++) {
    for (var split = 0u; split < params.splits; split++) {
      let other = slot * lists + row * params.splits + split;
      place += select(0u, 1u, keys[other] > key || (keys[other] == key && indices[other] < index));
    }
  }
  if (place >= params.k) { return; }
  values[row * params.k + place] = bitcast<f32>(select(key, key ^ 0x7fffffff, key < 0));
  out[row * params.k + place] = index;
}
