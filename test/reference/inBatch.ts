/** Losses over the similarities of all views of a batch, in plain loops. */
import { type Array64, type Reference, rowsOf, zeros } from './array.js'
import { logSumExp as logSum } from './softmax.js'

/** log Σ exp over the last axis. */
export const logSumExp: Reference = {
  forward([x]) {
    const { rows, columns } = rowsOf(x!)
    const data = Float64Array.from({ length: rows }, (_, i) => logSum(x!.data.subarray(i * columns, (i + 1) * columns)))
    return { shape: x!.shape.slice(0, -1), data }
  },
  gradient([x], _, { data: dy }) {
    const { columns } = rowsOf(x!)
    const totals = logSumExp.forward([x!], undefined).data
    const data = x!.data.map((v, at) => {
      const row = Math.floor(at / columns)
      return Math.exp(v - totals[row]!) * dy[row]!
    })
    return [{ shape: x!.shape, data }]
  },
}

function similarity(z: Array64, i: number, j: number): number {
  const { columns } = rowsOf(z)
  let dot = 0
  for (let c = 0; c < columns; c++) dot += z.data[i * columns + c]! * z.data[j * columns + c]!
  return dot
}

/** Adds g · ∂(z_i · z_j) to dz. */
function pull(dz: Array64, z: Array64, i: number, j: number, g: number): void {
  const { columns } = rowsOf(z)
  for (let c = 0; c < columns; c++) {
    dz.data[i * columns + c]! += g * z.data[j * columns + c]!
    dz.data[j * columns + c]! += g * z.data[i * columns + c]!
  }
}

export interface DecoupledAttributes {
  temperature: number
  /** One for each of the B pairs; 1 where they are not given. */
  weights?: ArrayLike<number>
}

/** Yeh et al. (2022): w = 2 − exp(z·z⁺/σ) / (mean of it over the B pairs), of z [2B, D]. */
export function misesFisherWeights(z: Array64, sigma: number): number[] {
  const batch = rowsOf(z).rows / 2
  const exponentials = Array.from({ length: batch }, (_, i) => Math.exp(similarity(z, i, i + batch) / sigma))
  const mean = exponentials.reduce((sum, v) => sum + v, 0) / batch
  return exponentials.map(v => 2 - v / mean)
}

/** Yeh et al. (2022), equations 6 and 7, over the 2B rows of z [2B, D]. */
export const decoupledContrastive: Reference<DecoupledAttributes> = {
  forward([z], { temperature, weights }) {
    const { rows } = rowsOf(z!)
    const batch = rows / 2
    let sum = 0
    for (let i = 0; i < rows; i++) {
      const others = Array.from({ length: rows }, (_, j) => j).filter(j => j % batch !== i % batch)
      sum += logSum(others.map(j => similarity(z!, i, j) / temperature))
      sum -= ((weights?.[i % batch] ?? 1) * similarity(z!, i, (i + batch) % rows)) / temperature
    }
    return { shape: [], data: Float64Array.of(sum / rows) }
  },
  gradient([z], { temperature, weights }, { data: dy }) {
    const { rows } = rowsOf(z!)
    const batch = rows / 2
    const dz = zeros(z!.shape)
    const scale = dy[0]! / rows / temperature
    for (let i = 0; i < rows; i++) {
      const others = Array.from({ length: rows }, (_, j) => j).filter(j => j % batch !== i % batch)
      const total = logSum(others.map(j => similarity(z!, i, j) / temperature))
      for (const j of others) pull(dz, z!, i, j, scale * Math.exp(similarity(z!, i, j) / temperature - total))
      pull(dz, z!, i, (i + batch) % rows, -scale * (weights?.[i % batch] ?? 1))
    }
    return [dz]
  },
}

export interface TemperatureAttributes {
  temperature: number
}

/** Rows that show the same class as row i, without i itself; −1 is a class of its own. */
function positivesOf(i: number, labels: Array64): number[] {
  const batch = labels.data.length
  const own = labels.data[i % batch]!
  return Array.from({ length: 2 * batch }, (_, j) => j).filter(j => {
    const same = j % batch === i % batch || (own >= 0 && labels.data[j % batch] === own)
    return j !== i && same
  })
}

/** Khosla et al. (2020), equation 2, of z [2B, D] and labels [B]. */
export const supervisedContrastive: Reference<TemperatureAttributes> = {
  forward([z, labels], { temperature }) {
    const { rows } = rowsOf(z!)
    let sum = 0
    for (let i = 0; i < rows; i++) {
      const others = Array.from({ length: rows }, (_, j) => j).filter(j => j !== i)
      const total = logSum(others.map(j => similarity(z!, i, j) / temperature))
      const positives = positivesOf(i, labels!)
      for (const p of positives) sum += (total - similarity(z!, i, p) / temperature) / positives.length
    }
    return { shape: [], data: Float64Array.of(sum / rows) }
  },
  gradient([z, labels], { temperature }, { data: dy }) {
    const { rows } = rowsOf(z!)
    const dz = zeros(z!.shape)
    const scale = dy[0]! / rows / temperature
    for (let i = 0; i < rows; i++) {
      const others = Array.from({ length: rows }, (_, j) => j).filter(j => j !== i)
      const total = logSum(others.map(j => similarity(z!, i, j) / temperature))
      const positives = positivesOf(i, labels!)
      for (const j of others) pull(dz, z!, i, j, scale * Math.exp(similarity(z!, i, j) / temperature - total))
      for (const p of positives) pull(dz, z!, i, p, -scale / positives.length)
    }
    return [dz, null]
  },
}

/** The mean of −log softmax(q·kᵀ/T) on the diagonal, of queries and keys [B, D]. */
export const inBatchContrast: Reference<TemperatureAttributes> = {
  forward([q, k], { temperature }) {
    const { rows } = rowsOf(q!)
    let sum = 0
    for (let i = 0; i < rows; i++) {
      const logits = Array.from({ length: rows }, (_, j) => between(q!, i, k!, j) / temperature)
      sum += logSum(logits) - logits[i]!
    }
    return { shape: [], data: Float64Array.of(sum / rows) }
  },
  gradient([q, k], { temperature }, { data: dy }) {
    const { rows, columns } = rowsOf(q!)
    const [dq, dk] = [zeros(q!.shape), zeros(k!.shape)]
    for (let i = 0; i < rows; i++) {
      const logits = Array.from({ length: rows }, (_, j) => between(q!, i, k!, j) / temperature)
      const total = logSum(logits)
      for (let j = 0; j < rows; j++) {
        const g = ((Math.exp(logits[j]! - total) - (i === j ? 1 : 0)) / rows / temperature) * dy[0]!
        for (let c = 0; c < columns; c++) {
          dq.data[i * columns + c]! += g * k!.data[j * columns + c]!
          dk.data[j * columns + c]! += g * q!.data[i * columns + c]!
        }
      }
    }
    return [dq, dk]
  },
}

function between(q: Array64, i: number, k: Array64, j: number): number {
  const { columns } = rowsOf(q)
  let dot = 0
  for (let c = 0; c < columns; c++) dot += q.data[i * columns + c]! * k.data[j * columns + c]!
  return dot
}
