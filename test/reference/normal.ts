/** Φ(x) = ½ + φ(x)·(x + x³/3 + x⁵/(3·5) + …) (Marsaglia, "Evaluating the normal distribution", 2004). */
export function normalDistribution(x: number): number {
  let term = x
  let sum = x
  for (let k = 3; Math.abs(term) > 1e-17 * Math.abs(sum); k += 2) {
    term *= (x * x) / k
    sum += term
  }
  return 0.5 + sum * density(x)
}

/** x with Φ(x) = probability, by Newton's method: from 0 it nears x from one side only. */
export function normalQuantile(probability: number): number {
  let x = 0
  for (let step = 0; step < 100; step++) {
    const change = (probability - normalDistribution(x)) / density(x)
    x += change
    if (Math.abs(change) < 1e-12) break
  }
  return x
}

function density(x: number): number {
  return Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)
}
