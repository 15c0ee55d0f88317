// Functions that WGSL lacks.

// erf(x), |error| < 1.5e-7: Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 7.1.26. Below |x| = 0.5
// its absolute error is a large relative one, so the Maclaurin series takes over (next term < 2e-9 there).
fn erf(x: f32) -> f32 {
  let s = x * x;
  if (s < 0.25) {
    return 1.1283791671 * x * (1.0 - s * (1.0 / 3.0 - s * (0.1 - s * (1.0 / 42.0 - s * (1.0 / 216.0 - s / 1320.0)))));
  }
  let t = 1.0 / (1.0 + 0.3275911 * abs(x));
  let tail = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return sign(x) * (1.0 - tail * exp(-s));
}

// The standard normal density and distribution.
fn normal_density(x: f32) -> f32 { return 0.3989422804 * exp(-0.5 * x * x); }
fn normal_distribution(x: f32) -> f32 { return 0.5 * (1.0 + erf(0.7071067812 * x)); }

// WGSL's tanh overflows on some drivers for large |x|; past 10 the float32 result is ±1 anyway.
fn safe_tanh(x: f32) -> f32 { return tanh(clamp(x, -10.0, 10.0)); }

// The standard normal number that a random word stands for: x with Φ(x) = (⌊word / 2⁸⌋ + ½) / 2²⁴, within 5.3 of 0.
// √2 times the inverse error function of Giles, "Approximating the erfinv function" (GPU Computing Gems, Jade edition,
// 2012), whose error is a few units in the last place; only a logarithm and a root, which GPUs do well, unlike a cosine.
fn normal_quantile(word: u32) -> f32 {
  // Odd numbers below 2²⁴ over 2²⁴: exact.
  let y = f32(2 * i32(word >> 8u) - 16777215) * 5.9604644775390625e-8;
  let w = -log((1.0 - y) * (1.0 + y));
  var p: f32;
  if (w < 5.0) {
    let t = w - 2.5;
    p = 2.81022636e-8;
    p = p * t + 3.43273939e-7;
    p = p * t - 3.5233877e-6;
    p = p * t - 4.39150654e-6;
    p = p * t + 2.1858087e-4;
    p = p * t - 1.25372503e-3;
    p = p * t - 4.17768164e-3;
    p = p * t + 0.246640727;
    p = p * t + 1.50140941;
  } else {
    let t = sqrt(w) - 3.0;
    p = -2.00214257e-4;
    p = p * t + 1.00950558e-4;
    p = p * t + 1.34934322e-3;
    p = p * t - 3.67342844e-3;
    p = p * t + 5.73950773e-3;
    p = p * t - 7.6224613e-3;
    p = p * t + 9.43887047e-3;
    p = p * t + 1.00167406;
    p = p * t + 2.83297682;
  }
  return 1.41421356 * p * y;
}
