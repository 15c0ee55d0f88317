// out[i, c] = factor[i] · out[i, c] + block[c, i]: sums of keys from one block of similarities join those before.
// Parameters: BEGIN: there was nothing before; FACTOR: else it is 1.
// Workgroup 64, one element an invocation, rows i fastest, as block lies; grid fold(⌈rows·columns / 64⌉).
// Bindings: block [columns, 4·quads]; out [rows, columns]; then factor [rows] if FACTOR.
#include "lib/index.wgsl"

struct Params { rows: u32, columns: u32, quads: u32 }
@group(0) @binding(0) var<storage, read> block: array<f32>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
#if FACTOR
@group(0) @binding(2) var<storage, read> factor: array<f32>;
#endif
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let at = invocation_index(workgroup, workgroups, local, 64u);
  if (at >= params.rows * params.columns) { return; }
  let i = at % params.rows;
  let c = at / params.rows;
  let to = i * params.columns + c;
  let value = block[c * 4u * params.quads + i];
#if BEGIN
  out[to] = value;
#else
#if FACTOR
  out[to] = out[to] * factor[i] + value;
#else
  out[to] += value;
#endif
#endif
}
