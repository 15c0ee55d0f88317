// What the kernels of a view share: the parameters of image n (see src/ops/augment.ts), and what its last launch does to
// a pixel. Needs lib/pixel.wgsl, the binding `parameters` and the means and deviations of `params`.
// NOISE: Gaussian noise is added last.

// Vectors of four parameters each image has.
const VECTORS: u32 = 12u;

fn parameters_of(n: u32, vector: u32) -> vec4<f32> { return parameters[VECTORS * n + vector]; }

fn data_mean() -> vec3<f32> { return vec3<f32>(params.mean_0, params.mean_1, params.mean_2); }
fn data_deviation() -> vec3<f32> { return vec3<f32>(params.deviation_0, params.deviation_1, params.deviation_2); }

#if NOISE
#include "lib/philox.wgsl"
#include "lib/special.wgsl"

// Standard normal numbers for pixel number `pixel` of image n: channel c has word c of the block with that counter.
fn normal_pixel(n: u32, pixel: u32) -> Pixel {
  let key = parameters_of(n, 6u).yz;
  // The tag ("nois") keeps these numbers apart from those of the host's generators and of dropout.
  let words = philox(vec4<u32>(pixel, 0u, 0u, 0x6e6f6973u), vec2<u32>(u32(key.x), u32(key.y)));
#if CHANNELS == 1
  return normal_quantile(words.x);
#else
  return vec3<f32>(normal_quantile(words.x), normal_quantile(words.y), normal_quantile(words.z));
#endif
}
#endif

// Solarised, normalised by the data set's numbers, and noise.
fn finish(value: Pixel, n: u32, pixel: u32) -> Pixel {
  let result = normalise(solarise(value, parameters_of(n, 1u).w), data_mean(), data_deviation());
#if NOISE
  return result + parameters_of(n, 6u).x * normal_pixel(n, pixel);
#else
  return result;
#endif
}
