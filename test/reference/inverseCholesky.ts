import { type Array64, map, type Reference, zeros } from './array.js'

/** W = L⁻¹ with L·Lᵀ = (x + xᵀ) / 2, x [d, d]. */
export const inverseCholesky: Reference = {
  forward: ([x]) => inverseOf(factorOf(x!)),
  /**
   * Element by element: a change E of the symmetric part of x changes L by L·Φ(W·E·Wᵀ) and W by −Φ(W·E·Wᵀ)·W, where Φ
   * takes the lower triangle and half of the diagonal.
   */
  gradient([x], _, outputGradient) {
    const d = x!.shape[0]!
    const w = inverseOf(factorOf(x!))
    const dx = zeros(x!.shape)
    for (let p = 0; p < d; p++)
      for (let q = 0; q < d; q++) {
        let slope = 0
        for (let i = 0; i < d; i++)
          for (let j = 0; j <= i; j++) {
            const inner = (w.data[i * d + p]! * w.data[j * d + q]! + w.data[i * d + q]! * w.data[j * d + p]!) / 2
            const halved = i === j ? inner / 2 : inner
            for (let c = 0; c < d; c++) slope -= outputGradient.data[i * d + c]! * halved * w.data[j * d + c]!
          }
        dx.data[p * d + q] = slope
      }
    return [dx]
  },
}

function factorOf(x: Array64): Array64 {
  const d = x.shape[0]!
  const lower = zeros(x.shape)
  for (let i = 0; i < d; i++)
    for (let j = 0; j <= i; j++) {
      let rest = (x.data[i * d + j]! + x.data[j * d + i]!) / 2
      for (let k = 0; k < j; k++) rest -= lower.data[i * d + k]! * lower.data[j * d + k]!
      lower.data[i * d + j] = i === j ? Math.sqrt(rest) : rest / lower.data[j * d + j]!
    }
  return lower
}

/** Solves L·W = I column by column. */
function inverseOf(lower: Array64): Array64 {
  const d = lower.shape[0]!
  const w = map(lower, () => 0)
  for (let j = 0; j < d; j++)
    for (let i = j; i < d; i++) {
      let rest = i === j ? 1 : 0
      for (let k = j; k < i; k++) rest -= lower.data[i * d + k]! * w.data[k * d + j]!
      w.data[i * d + j] = rest / lower.data[i * d + i]!
    }
  return w
}
