// What the tiled kernels of a matrix product have in common: their parameters, the loads of four numbers of an operand,
// and where a sum goes: out[slab, m, n] = sum (+ bias[n]) (+ residual[slab, m, n]), at least 0 with RELU. A slab is a
// matrix of a batch, or one split of it, and then nothing is added yet. Wants lib/operand.wgsl.
// Parameters: VEC_A, VEC_B, VEC_OUT: whole vec4s; BIAS, RESIDUAL, RELU.
// Bindings: A, B, out, then bias [N], then residual [batch, M, N], each where it is.
struct Params {
  m: u32, n: u32, k: u32, a_batch: u32, b_batch: u32, batch: u32, splits: u32, chunk: u32, row_tiles: u32,
  column_tiles: u32,
}
#if VEC_A
@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
fn load_a(i: u32) -> vec4<f32> { return operands(a[i >> 2u]); }
#else
@group(0) @binding(0) var<storage, read> a: array<f32>;
fn load_a(i: u32) -> vec4<f32> { return operands(vec4<f32>(a[i], a[i + 1u], a[i + 2u], a[i + 3u])); }
#endif
#if VEC_B
@group(0) @binding(1) var<storage, read> b: array<vec4<f32>>;
fn load_b(i: u32) -> vec4<f32> { return operands(b[i >> 2u]); }
#else
@group(0) @binding(1) var<storage, read> b: array<f32>;
fn load_b(i: u32) -> vec4<f32> { return operands(vec4<f32>(b[i], b[i + 1u], b[i + 2u], b[i + 3u])); }
#endif
#if VEC_OUT
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
#else
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
#endif
#if BIAS
@group(0) @binding(3) var<storage, read> bias: array<f32>;
fn load_bias(i: u32) -> vec4<f32> { return vec4<f32>(bias[i], bias[i + 1u], bias[i + 2u], bias[i + 3u]); }
#endif
#if RESIDUAL
#if VEC_OUT
@group(0) @binding({{3 + BIAS}}) var<storage, read> residual: array<vec4<f32>>;
#else
@group(0) @binding({{3 + BIAS}}) var<storage, read> residual: array<f32>;
#endif
#endif
@group(1) @binding(0) var<uniform> params: Params;

// Four outputs of a row, the bias in them already.
fn store(slab: u32, row: u32, column: u32, sum: vec4<f32>) {
  if (row >= params.m) { return; }
  let at = (slab * params.m + row) * params.n + column;
  var value = sum;
#if VEC_OUT
  if (column >= params.n) { return; }
#if RESIDUAL
  value += residual[at >> 2u];
#endif
#if RELU
  value = max(value, vec4<f32>(0.0));
#endif
  out[at >> 2u] = value;
#else
#if RESIDUAL
  value += vec4<f32>(residual[at], residual[at + 1u], residual[at + 2u], residual[at + 3u]);
#endif
#if RELU
  value = max(value, vec4<f32>(0.0));
#endif
#for T 0 4
  if (column + {{T}}u < params.n) { out[at + {{T}}u] = value[{{T}}]; }
#endfor
#endif
}
