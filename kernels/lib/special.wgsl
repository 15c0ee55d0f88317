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
