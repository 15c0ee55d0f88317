// What an optimiser multiplies gradients by, and the scale of the next loss. Where an overflow was found: factor = 0,
// which tells the optimiser to do nothing, scale = scale / 2, good_steps = 0. Otherwise factor = 1 / scale, and after
// `interval` such steps in a row scale = 2 · scale. The scale is a power of two from 2^-126 to 2^126, so that its inverse
// is exact: the exponent's distance to the other side of 2^0.
// One invocation; grid 1. Bindings: found [1], which becomes 0 again; scale, good_steps, factor [1].
// Source: Micikevicius et al., 2018, https://arxiv.org/abs/1710.03740, in the form of torch.amp.GradScaler.
struct Params { interval: u32 }
@group(0) @binding(0) var<storage, read_write> found: array<u32>;
@group(0) @binding(1) var<storage, read_write> scale: array<f32>;
@group(0) @binding(2) var<storage, read_write> good_steps: array<u32>;
@group(0) @binding(3) var<storage, read_write> factor: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(1)
fn main() {
  let now = scale[0];
  if (found[0] != 0u) {
    factor[0] = 0.0;
    scale[0] = max(0.5 * now, 0x1p-126);
    good_steps[0] = 0u;
    found[0] = 0u;
    return;
  }
  factor[0] = bitcast<f32>(0x7f000000u - bitcast<u32>(now));
  good_steps[0] += 1u;
  if (good_steps[0] < params.interval) { return; }
  good_steps[0] = 0u;
  scale[0] = min(2.0 * now, 0x1p126);
}
