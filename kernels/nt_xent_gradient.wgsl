// dz_i = g / (rows · temperature) · Σ_{j ≠ i} (exp(s_ij - l_i) + exp(s_ij - l_j) - 2 [j is the other view of i]) z_j,
// l = log_sum of nt_xent_combine; s_ij is made again, tile by tile. Summed over the rows j of one split.
// Four rows i an invocation, TILE rows j at a time, as in nt_xent; the sums stay in memory that no other touches.
// Parameters: WIDTH: invocations a workgroup; TILE; VEC: columns is a multiple of 4.
// Grid fold(⌈rows / (4·WIDTH)⌉ · splits).
// Bindings: z [rows, columns]; log_sum [rows]; g [1]; dz [splits, rows, columns].
#include "lib/index.wgsl"

struct Params { rows: u32, columns: u32, chunk: u32, groups: u32, quads: u32, scale: f32 }
#if VEC
@group(0) @binding(0) var<storage, read> z: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> dz: array<vec4<f32>>;
#else
@group(0) @binding(0) var<storage, read> z: array<f32>;
@group(0) @binding(3) var<storage, read_write> dz: array<f32>;
#endif
@group(0) @binding(1) var<storage, read> log_sum: array<f32>;
@group(0) @binding(2) var<storage, read> g: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;
#include "lib/unit_rows.wgsl"

// Adds to columns k … k + 3 of a row of this split, or begins there.
fn accumulate(split: u32, row: u32, k: u32, value: vec4<f32>, begins: bool) {
  if (row >= params.rows) { return; }
  let at = (split * params.rows + row) * params.columns + k;
#if VEC
  if (begins) { dz[at / 4u] = value; } else { dz[at / 4u] += value; }
#else
  for (var c = 0u; c < min(4u, params.columns - k); c++) {
    if (begins) { dz[at + c] = value[c]; } else { dz[at + c] += value[c]; }
  }
#endif
}

@compute @workgroup_size({{WIDTH}})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let group = invocation_index(workgroup, workgroups, 0u, 1u);
  let split = group / params.groups;
  let quad = group % params.groups * {{WIDTH}}u + local;
  let begin = split * params.chunk;
  if (quad >= params.quads || begin >= params.rows) { return; }
  let end = min(begin + params.chunk, params.rows);
  let i = 4u * quad + vec4<u32>(0u, 1u, 2u, 3u);
  let i_safe = min(i, vec4<u32>(params.rows - 1u));
  let positive = (i + params.rows / 2u) % params.rows;
  let own = vec4<f32>(log_sum[i_safe.x], log_sum[i_safe.y], log_sum[i_safe.z], log_sum[i_safe.w]);
  let factor = g[0] * params.scale / f32(params.rows);
  for (var j = begin; j < end; j += {{TILE}}u) {
#for J 0 {{TILE}}
    let j{{J}} = min(j + {{J}}u, end - 1u);
    var s{{J}} = vec4<f32>(0.0);
#endfor
    for (var k = 0u; k < params.columns; k += 4u) {
      let a0 = columns_of(i_safe.x, k);
      let a1 = columns_of(i_safe.y, k);
      let a2 = columns_of(i_safe.z, k);
      let a3 = columns_of(i_safe.w, k);
#for J 0 {{TILE}}
      let b{{J}} = columns_of(j{{J}}, k);
      s{{J}} += vec4<f32>(dot(a0, b{{J}}), dot(a1, b{{J}}), dot(a2, b{{J}}), dot(a3, b{{J}}));
#endfor
    }
#for J 0 {{TILE}}
    s{{J}} *= params.scale;
    let wanted{{J}} = select(vec4<f32>(0.0), vec4<f32>(2.0), positive == vec4<u32>(j{{J}}));
    let counts{{J}} = (i != vec4<u32>(j + {{J}}u)) & vec4<bool>(j + {{J}}u < end);
    s{{J}} = exp(s{{J}} - own) + exp(s{{J}} - log_sum[j{{J}}]) - wanted{{J}};
    s{{J}} = select(vec4<f32>(0.0), s{{J}} * factor, counts{{J}});
#endfor
    for (var k = 0u; k < params.columns; k += 4u) {
      var d0 = vec4<f32>(0.0);
      var d1 = vec4<f32>(0.0);
      var d2 = vec4<f32>(0.0);
      var d3 = vec4<f32>(0.0);
#for J 0 {{TILE}}
      let b{{J}} = columns_of(j{{J}}, k);
      d0 += s{{J}}.x * b{{J}};
      d1 += s{{J}}.y * b{{J}};
      d2 += s{{J}}.z * b{{J}};
      d3 += s{{J}}.w * b{{J}};
#endfor
      accumulate(split, i.x, k, d0, j == begin);
      accumulate(split, i.y, k, d1, j == begin);
      accumulate(split, i.z, k, d2, j == begin);
      accumulate(split, i.w, k, d3, j == begin);
    }
  }
}
