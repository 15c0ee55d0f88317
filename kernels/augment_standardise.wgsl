// Last of a view that is normalised by its own mean of each channel c (and with STANDARDISE full its own deviation):
//
//   out = (x − mean_c) / scale_c + σ · normal numbers,   scale_c the data set's deviation, or max(own deviation, 1/255)
//
// and where only channel k is kept, the others are noise with a hundredth of its deviation: deviation_k / scale_k / 100.
// Mean and deviation come from those of the rows: mean = Σ row means / height and
// deviation² = Σ (row squares + width · (row mean − mean)²) / (height · width) (Chan, Golub & LeVeque 1983).
// One invocation makes one row. Workgroup 64, grid ⌈rows / 64⌉ folded, rows = images · height.
// Bindings: parameters f32 [N, 48] (see ops/augment.ts); x f32 [N, height, width, CHANNELS];
// moments f32 [N, height, 2 · CHANNELS]: row means, then row squares; out as x.
#include "lib/index.wgsl"
#include "lib/pixel.wgsl"
#include "lib/view.wgsl"
#include "lib/load_pixel.wgsl"
#include "lib/store_pixel.wgsl"

struct Params {
  rows: u32, height: u32, width: u32,
  mean_0: f32, mean_1: f32, mean_2: f32, deviation_0: f32, deviation_1: f32, deviation_2: f32,
}
@group(0) @binding(0) var<storage, read> parameters: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> moments: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

fn load_mean(row: u32) -> Pixel {
#if CHANNELS == 1
  return moments[2u * row];
#else
  return vec3<f32>(moments[6u * row], moments[6u * row + 1u], moments[6u * row + 2u]);
#endif
}

fn load_squares(row: u32) -> Pixel {
#if CHANNELS == 1
  return moments[2u * row + 1u];
#else
  return vec3<f32>(moments[6u * row + 3u], moments[6u * row + 4u], moments[6u * row + 5u]);
#endif
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let row = invocation_index(workgroup, workgroups, local, 64u);
  if (row >= params.rows) { return; }
  let n = row / params.height;
  var mean = Pixel(0.0);
  for (var i = 0u; i < params.height; i++) { mean += load_mean(n * params.height + i); }
  mean /= f32(params.height);
  var squares = Pixel(0.0);
  for (var i = 0u; i < params.height; i++) {
    let away = load_mean(n * params.height + i) - mean;
    squares += load_squares(n * params.height + i) + f32(params.width) * away * away;
  }
  let deviation = sqrt(max(squares, Pixel(0.0)) / f32(params.height * params.width));
#if STANDARDISE == full
  let scale = max(deviation, Pixel(1.0 / 255.0));
#else
#if CHANNELS == 1
  let scale = params.deviation_0;
#else
  let scale = data_deviation();
#endif
#endif
#if NOISE
  let noise = parameters_of(n, 6u);
#if CHANNELS == 1
  let sigma = noise.x;
#else
  let kept = u32(noise.w);
  var sigma = vec3<f32>(noise.x);
  if (kept >= 1u && kept <= 3u) {
    let hundredth = 0.01 * deviation[kept - 1u] / scale[kept - 1u];
    sigma += select(vec3<f32>(hundredth), vec3<f32>(0.0), vec3<u32>(1u, 2u, 3u) == vec3<u32>(kept));
  }
#endif
#endif
  for (var column = 0u; column < params.width; column++) {
    let at = row * params.width + column;
    var value = (load_pixel(at) - mean) / scale;
#if NOISE
#if CHANNELS == 3
    if (kept >= 1u && kept <= 3u) {
      value = select(vec3<f32>(0.0), value, vec3<u32>(1u, 2u, 3u) == vec3<u32>(kept));
    }
#endif
    value += sigma * normal_pixel(n, row % params.height * params.width + column);
#endif
    store_pixel(at, value);
  }
}
