// What conv2d_backward_filter.wgsl and conv2d_backward_filter_workgroup.wgsl share: columns of dy, and how dF is stored.
// Parameters: VEC_OUT: loads of dy and stores of whole vec4s; HALF: products of float16 (lib/operand.wgsl).
#if VEC_OUT
@group(0) @binding(1) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
fn load_dy(i: u32) -> vec4<f32> { return operands(dy[i >> 2u]); }
#else
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
fn load_dy(i: u32) -> vec4<f32> { return operands(vec4<f32>(dy[i], dy[i + 1u], dy[i + 2u], dy[i + 3u])); }
#endif

// Four columns, from `column` of a group on, of the line of dF (split, tap, channel, group) that begins at `to`.
fn store(to: u32, column: u32, value: vec4<f32>) {
#if VEC_OUT
  if (column < params.columns) { out[(to + column) >> 2u] = value; }
#else
#for T 0 4
  if (column + {{T}}u < params.columns) { out[to + column + {{T}}u] = value[{{T}}]; }
#endfor
#endif
}
