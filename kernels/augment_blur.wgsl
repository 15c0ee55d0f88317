// Last launch of a view that may blur: a separable Gaussian, then solarise and normalise.
//
//   out = normalise(solarise(Σ_i w_i Σ_j w_j x[y + i, x + j])),   w_i ∝ exp(−i² / 2σ_n²),   |i|, |j| ≤ RADIUS
//
// Beyond the image the edge is repeated. σ = 0 leaves an image as it is. One invocation walks down one column and
// keeps the last 2·RADIUS + 1 horizontal sums in a ring, so that one launch does both directions without barriers.
// Workgroup 64, grid ⌈columns / 64⌉ folded, columns = images · width.
// Bindings: parameters f32 [N, 24] (see ops/augment.ts); x and out f32 [N, height, width, CHANNELS].
#include "lib/index.wgsl"
#include "lib/pixel.wgsl"

struct Params {
  columns: u32, height: u32, width: u32,
  mean_0: f32, mean_1: f32, mean_2: f32, deviation_0: f32, deviation_1: f32, deviation_2: f32,
}
@group(0) @binding(0) var<storage, read> parameters: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

const radius = {{RADIUS}};
const taps = {{2 * RADIUS + 1}};

fn load(at: u32) -> Pixel {
#if CHANNELS == 1
  return x[at];
#else
  return vec3<f32>(x[3u * at], x[3u * at + 1u], x[3u * at + 2u]);
#endif
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = invocation_index(workgroup, workgroups, local, 64u);
  if (index >= params.columns) { return; }
  let n = index / params.width;
  let column = i32(index % params.width);
  let height = i32(params.height);
  let width = i32(params.width);
  let threshold = parameters[6u * n + 1u].w;
  let sigma = parameters[6u * n + 5u].z;
  let mean = vec3<f32>(params.mean_0, params.mean_1, params.mean_2);
  let deviation = vec3<f32>(params.deviation_0, params.deviation_1, params.deviation_2);

  var weight: array<f32, {{2 * RADIUS + 1}}>;
  weight[radius] = 1.0;
  var total = 1.0;
  for (var i = 1; i <= radius; i++) {
    let one = select(0.0, exp(-f32(i * i) / max(2.0 * sigma * sigma, 1e-30)), sigma > 0.0);
    weight[radius - i] = one;
    weight[radius + i] = one;
    total += 2.0 * one;
  }
  for (var i = 0; i < taps; i++) { weight[i] /= total; }

  var ring: array<Pixel, {{2 * RADIUS + 1}}>;
  for (var row = -radius; row < height + radius; row++) {
    let line = n * params.height * params.width + u32(clamp(row, 0, height - 1) * width);
    var across = Pixel(0.0);
    for (var j = 0; j < taps; j++) {
      across += weight[j] * load(line + u32(clamp(column + j - radius, 0, width - 1)));
    }
    ring[(row + radius) % taps] = across;
    let y = row - radius;
    if (y < 0) { continue; }
    var value = Pixel(0.0);
    for (var i = 0; i < taps; i++) { value += weight[i] * ring[(y + i) % taps]; }
    value = normalise(solarise(value, threshold), mean, deviation);
    let at = n * params.height * params.width + u32(y * width + column);
#if CHANNELS == 1
    out[at] = value;
#else
    out[3u * at] = value.x;
    out[3u * at + 1u] = value.y;
    out[3u * at + 2u] = value.z;
#endif
  }
}
