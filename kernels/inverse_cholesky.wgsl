// lower = L with L·Lᵀ = (x + xᵀ) / 2, column by column (Golub & Van Loan, Matrix Computations, 4.2.5), then out = L⁻¹ by
// forward substitution. NaN where a pivot is not positive.
// Workgroup 256 and a single one. A row of L is an invocation's (or d / 256 rows), with one barrier a column; the pivot
// is summed by every invocation, which is cheaper than a second barrier. A column of L⁻¹ is an invocation's, without any.
// Bindings: x, lower, out [d, d].
struct Params { d: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> lower: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

// Element (i, j) of (x + xᵀ) / 2 minus Σ L[i, k]·L[j, k] over k < j, in short sums that are then added.
fn remainder(i: u32, j: u32) -> f32 {
  let d = params.d;
  var total = 0.0;
  for (var begin = 0u; begin < j; begin += 16u) {
    var sum = 0.0;
    let end = min(begin + 16u, j);
    for (var k = begin; k < end; k++) { sum += lower[i * d + k] * lower[j * d + k]; }
    total += sum;
  }
  return 0.5 * (x[i * d + j] + x[j * d + i]) - total;
}

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) local: u32) {
  let d = params.d;
  for (var j = 0u; j < d; j++) {
    let pivot = sqrt(remainder(j, j));
    for (var i = local; i < d; i += 256u) {
      if (i == j) { lower[i * d + j] = pivot; }
      else if (i > j) { lower[i * d + j] = remainder(i, j) / pivot; }
      else { lower[i * d + j] = 0.0; }
    }
    storageBarrier();
  }
  for (var j = local; j < d; j += 256u) {
    for (var i = 0u; i < d; i++) {
      var value = 0.0;
      if (i >= j) {
        for (var k = j; k < i; k++) { value -= lower[i * d + k] * out[k * d + j]; }
        if (i == j) { value = 1.0; }
        value /= lower[i * d + i];
      }
      out[i * d + j] = value;
    }
  }
}
