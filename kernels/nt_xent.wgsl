// For each row i of z and each chunk of rows j ≠ i: the largest similarity s_ij = z_i·z_j / temperature and
// Σ_j exp(s_ij - largest), online (Milakov & Gimelshein, 2018), so that no similarity is ever stored.
// Four rows i an invocation, TILE rows j at a time, in registers; all invocations of a workgroup read the same z_j,
// which a software adapter does once for all. No barriers.
// Parameters: WIDTH: invocations a workgroup; TILE; VEC: columns is a multiple of 4.
// Grid fold(⌈rows / (4·WIDTH)⌉ · splits), split s takes rows j = s·chunk … (s + 1)·chunk - 1.
// Bindings: z [rows, columns]; partial [splits, 2, quads] vec4: the largest, then the sums, four rows each.
#include "lib/index.wgsl"

struct Params { rows: u32, columns: u32, chunk: u32, groups: u32, quads: u32, scale: f32 }
#if VEC
@group(0) @binding(0) var<storage, read> z: array<vec4<f32>>;
#else
@group(0) @binding(0) var<storage, read> z: array<f32>;
#endif
@group(0) @binding(1) var<storage, read_write> partial: array<vec4<f32>>;
@group(1) @binding(0) var<uniform> params: Params;
#include "lib/unit_rows.wgsl"

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
  var largest = vec4<f32>(-1e30);
  var sum = vec4<f32>(0.0);
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
    var larger = largest;
#for J 0 {{TILE}}
    // Below the first value of `largest`, so that its exponential is 0 even where nothing else was seen yet.
    let counts{{J}} = (i != vec4<u32>(j + {{J}}u)) & vec4<bool>(j + {{J}}u < end);
    s{{J}} = select(vec4<f32>(-3e38), s{{J}} * params.scale, counts{{J}});
    larger = max(larger, s{{J}});
#endfor
    sum *= exp(largest - larger);
#for J 0 {{TILE}}
    sum += exp(s{{J}} - larger);
#endfor
    largest = larger;
  }
  partial[2u * split * params.quads + quad] = largest;
  partial[(2u * split + 1u) * params.quads + quad] = sum;
}
