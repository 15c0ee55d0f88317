/** Losses that hold a prediction against a target without a gradient, and such targets, in plain loops. */
import { type Array64, type Reference, rowsOf, zeros } from './array.js'
import { logSumExp } from './softmax.js'

function logProbabilities(scores: Array64, row: number, temperature: number): number[] {
  const { columns } = rowsOf(scores)
  const values = [...scores.data.subarray(row * columns, (row + 1) * columns)].map(s => s / temperature)
  const total = logSumExp(values)
  return values.map(v => v - total)
}

export interface SwappedAttributes {
  /** How many of the inputs are targets; the others are scores. */
  targets: number
  temperature: number
}

/** Caron et al. (2020), equations 1 and 2: −Σ q log softmax(s / T) over pairs of different views. */
export const swappedPrediction: Reference<SwappedAttributes> = {
  forward(inputs, { targets, temperature }) {
    const { rows, columns } = rowsOf(inputs[0]!)
    const scores = inputs.slice(targets)
    let [total, count] = [0, 0]
    for (let i = 0; i < targets; i++) {
      for (let j = 0; j < scores.length; j++) {
        if (i === j) continue
        for (let row = 0; row < rows; row++) {
          const log = logProbabilities(scores[j]!, row, temperature)
          for (let k = 0; k < columns; k++) total -= inputs[i]!.data[row * columns + k]! * log[k]!
          count++
        }
      }
    }
    return { shape: [], data: Float64Array.of(total / count) }
  },
  // ∂/∂s_k = (p_k Σq − q_k) / T for every target q that s is held against.
  gradient(inputs, { targets, temperature }, { data: dy }) {
    const { rows, columns } = rowsOf(inputs[0]!)
    const scores = inputs.slice(targets)
    const scale = dy[0]! / (targets * (scores.length - 1) * rows * temperature)
    const found = scores.map((each, j) => {
      // The only view with a target is not predicted from.
      if (targets === 1 && j === 0) return null
      const out = zeros(each.shape)
      for (let row = 0; row < rows; row++) {
        const p = logProbabilities(each, row, temperature).map(Math.exp)
        for (let i = 0; i < targets; i++) {
          if (i === j) continue
          const q = inputs[i]!.data.subarray(row * columns, (row + 1) * columns)
          const mass = q.reduce((sum, v) => sum + v, 0)
          for (let k = 0; k < columns; k++) out.data[row * columns + k]! += scale * (p[k]! * mass - q[k]!)
        }
      }
      return out
    })
    return [...inputs.slice(0, targets).map(() => null), ...found]
  },
}

export interface MaskedAttributes {
  normalisedPixels: boolean
}

/** Painted minus target, of one patch. */
function errors(painted: Array64, patches: Array64, patch: number, normalised: boolean): number[] {
  const { columns } = rowsOf(patches)
  const part = (of: Array64) => [...of.data.subarray(patch * columns, (patch + 1) * columns)]
  const wanted = part(patches)
  const average = wanted.reduce((sum, v) => sum + v, 0) / columns
  const spread = wanted.reduce((sum, v) => sum + (v - average) ** 2, 0) / (columns - 1)
  return part(painted).map((v, n) => v - (normalised ? (wanted[n]! - average) / Math.sqrt(spread + 1e-6) : wanted[n]!))
}

/** He et al. (2021): the mean squared error of hidden patches. */
export const maskedSquaredError: Reference<MaskedAttributes> = {
  forward([painted, patches, hidden], { normalisedPixels }) {
    const { columns } = rowsOf(painted!)
    let [total, count] = [0, 0]
    hidden!.data.forEach((weight, patch) => {
      if (weight === 0) return
      total += errors(painted!, patches!, patch, normalisedPixels).reduce((sum, v) => sum + v * v, 0) / columns
      count++
    })
    return { shape: [], data: Float64Array.of(total / count) }
  },
  gradient([painted, patches, hidden], { normalisedPixels }, { data: dy }) {
    const { columns } = rowsOf(painted!)
    const out = zeros(painted!.shape)
    const count = hidden!.data.filter(weight => weight !== 0).length
    hidden!.data.forEach((weight, patch) => {
      if (weight === 0) return
      const scaled = errors(painted!, patches!, patch, normalisedPixels).map(v => (2 * v * dy[0]!) / (columns * count))
      out.data.set(scaled, patch * columns)
    })
    return [out, null, null]
  },
}

/** Tarvainen & Valpola (2017): the mean of (softmax(a) − softmax(b))², b without a gradient. */
export const consistency: Reference = {
  forward([a, b]) {
    const { rows } = rowsOf(a!)
    let total = 0
    for (let row = 0; row < rows; row++) {
      const taught = logProbabilities(b!, row, 1).map(Math.exp)
      logProbabilities(a!, row, 1).forEach((log, k) => {
        total += (Math.exp(log) - taught[k]!) ** 2
      })
    }
    return { shape: [], data: Float64Array.of(total / a!.data.length) }
  },
  // ∂/∂a_k = 2 p_k (d_k − Σ p d) / N, d the difference of the two.
  gradient([a, b], _, { data: dy }) {
    const { rows, columns } = rowsOf(a!)
    const out = zeros(a!.shape)
    for (let row = 0; row < rows; row++) {
      const taught = logProbabilities(b!, row, 1).map(Math.exp)
      const p = logProbabilities(a!, row, 1).map(Math.exp)
      const along = p.reduce((sum, v, k) => sum + v * (v - taught[k]!), 0)
      p.forEach((v, k) => {
        out.data[row * columns + k] = (2 * dy[0]! * v * (v - taught[k]! - along)) / a!.data.length
      })
    }
    return [out, null]
  },
}

/** Wu et al. (2018), equation 8: the mean over rows of the squared distance; `before` without a gradient. */
export const proximal: Reference = {
  forward([z, before]) {
    const { rows } = rowsOf(z!)
    const total = z!.data.reduce((sum, v, i) => sum + (v - before!.data[i]!) ** 2, 0)
    return { shape: [], data: Float64Array.of(total / rows) }
  },
  gradient([z, before], _, { data: dy }) {
    const { rows } = rowsOf(z!)
    return [{ shape: z!.shape, data: z!.data.map((v, i) => (2 * dy[0]! * (v - before!.data[i]!)) / rows) }, null]
  },
}

export interface SinkhornAttributes {
  epsilon: number
  iterations: number
}

/** Caron et al. (2020), section 3.1, without a gradient: columns to a sum of 1/K, rows to one of 1/B, in turn. */
export const sinkhorn: Reference<SinkhornAttributes> = {
  forward([scores], { epsilon, iterations }) {
    const { rows, columns } = rowsOf(scores!)
    const largest = scores!.data.reduce((most, v) => Math.max(most, v))
    const q = scores!.data.map(v => Math.exp((v - largest) / epsilon))
    const scale = (places: number[], total: number) => {
      const sum = places.reduce((all, at) => all + q[at]!, 0)
      for (const at of places) q[at]! *= total / sum
    }
    const range = (count: number) => Array.from({ length: count }, (_, i) => i)
    for (let i = 0; i < iterations; i++) {
      for (const k of range(columns))
        scale(
          range(rows).map(row => row * columns + k),
          1 / columns,
        )
      for (const row of range(rows))
        scale(
          range(columns).map(k => row * columns + k),
          1 / rows,
        )
    }
    return { shape: scores!.shape, data: q.map(v => v * rows) }
  },
  gradient: () => [null],
}
