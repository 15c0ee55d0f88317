import { type Array64, map, type Reference, rowsOf, zeros } from './array.js'

export interface BatchNormAttributes {
  mode: 'update' | 'frozen' | 'inference'
  momentum?: number
  epsilon?: number
  relu?: boolean
  /** The first axis is cut into so many equal groups with statistics of their own. */
  splits?: number
}

/** The inputs of each split: its rows of x and of the residual, the vectors as they are. */
function splitsOf(inputs: Array64[], splits: number): Array64[][] {
  const part = ({ shape, data }: Array64, split: number): Array64 => {
    const size = data.length / splits
    return { shape: [shape[0]! / splits, ...shape.slice(1)], data: data.slice(split * size, (split + 1) * size) }
  }
  return Array.from({ length: splits }, (_, split) => inputs.map((x, k) => (k === 0 || k === 5 ? part(x, split) : x)))
}

/** Arrays one behind the other along the first axis. */
function joined(parts: Array64[]): Array64 {
  const [first] = parts as [Array64]
  return {
    shape: [first.shape[0]! * parts.length, ...first.shape.slice(1)],
    data: Float64Array.from(parts.flatMap(({ data }) => [...data])),
  }
}

function added(parts: Array64[]): Array64 {
  return map(parts[0]!, (_, i) => parts.reduce((sum, { data }) => sum + data[i]!, 0))
}

/** Per channel: the mean and the biased variance over all rows. */
function batchStatistics(x: Array64): { mean: Float64Array; variance: Float64Array } {
  const { rows, columns } = rowsOf(x)
  const mean = new Float64Array(columns)
  const variance = new Float64Array(columns)
  x.data.forEach((value, i) => {
    mean[i % columns]! += value / rows
  })
  x.data.forEach((value, i) => {
    variance[i % columns]! += (value - mean[i % columns]!) ** 2 / rows
  })
  return { mean, variance }
}

function statistics(inputs: Array64[], { mode }: BatchNormAttributes) {
  return mode === 'inference' ? { mean: inputs[3]!.data, variance: inputs[4]!.data } : batchStatistics(inputs[0]!)
}

/**
 * y = gamma · (x − mean) / √(variance + ε) + beta + residual, then ReLU where asked; x [..., C].
 * Inputs [x, gamma, beta, runningMean, runningVariance] and perhaps residual.
 */
export const batchNorm: Reference<BatchNormAttributes> = {
  forward(inputs, { splits = 1, ...attributes }) {
    if (splits > 1 && attributes.mode !== 'inference') {
      return joined(splitsOf(inputs, splits).map(part => batchNorm.forward(part, attributes)))
    }
    const [x, gamma, beta, , , residual] = inputs as [Array64, Array64, Array64, Array64, Array64, Array64?]
    const { mean, variance } = statistics(inputs, attributes)
    const { columns } = rowsOf(x)
    const y = zeros(x.shape)
    x.data.forEach((value, i) => {
      const c = i % columns
      const normalised = (value - mean[c]!) / Math.sqrt(variance[c]! + (attributes.epsilon ?? 1e-5))
      const before = gamma.data[c]! * normalised + beta.data[c]! + (residual ? residual.data[i]! : 0)
      y.data[i] = attributes.relu ? Math.max(before, 0) : before
    })
    return y
  },
  gradient(inputs, { splits = 1, ...attributes }, outputGradient) {
    if (splits > 1 && attributes.mode !== 'inference') {
      const parts = splitsOf(inputs, splits)
      const above = splitsOf([outputGradient], splits)
      const found = parts.map((part, split) => batchNorm.gradient(part, attributes, above[split]![0]!))
      return inputs.map((_, k) => {
        const each = found.map(gradients => gradients[k]!)
        return k === 3 || k === 4 ? null : k === 1 || k === 2 ? added(each) : joined(each)
      })
    }
    const [x, gamma, beta, , , residual] = inputs as [Array64, Array64, Array64, Array64, Array64, Array64?]
    const { mean, variance } = statistics(inputs, attributes)
    const { rows, columns } = rowsOf(x)
    const y = batchNorm.forward(inputs, attributes)
    const dy = outputGradient.data.map((g, i) => (attributes.relu && y.data[i]! <= 0 ? 0 : g))
    const scale = variance.map(v => 1 / Math.sqrt(v + (attributes.epsilon ?? 1e-5)))
    const normalised = x.data.map((value, i) => (value - mean[i % columns]!) * scale[i % columns]!)
    const dgamma = zeros(gamma.shape)
    const dbeta = zeros(beta.shape)
    dy.forEach((g, i) => {
      dbeta.data[i % columns]! += g
      dgamma.data[i % columns]! += g * normalised[i]!
    })
    // Through the batch's own mean and variance (Ioffe and Szegedy, 2015); running ones are constants.
    const dx = dy.map((g, i) => {
      const c = i % columns
      const throughStatistics =
        attributes.mode === 'inference' ? 0 : (dbeta.data[c]! + normalised[i]! * dgamma.data[c]!) / rows
      return gamma.data[c]! * scale[c]! * (g - throughStatistics)
    })
    const gradients = [{ shape: x.shape, data: dx }, dgamma, dbeta, null, null]
    return residual ? [...gradients, { shape: x.shape, data: dy }] : gradients
  },
}

/**
 * The running mean and variance after one batch: (1 − momentum) · running + momentum · batch, variance unbiased; with
 * splits the mean over them, which is linear and so the same as one step by the mean of their statistics.
 */
export function runningStatistics(inputs: Array64[], attributes: BatchNormAttributes): [Array64, Array64] {
  const { momentum = 0.1, splits = 1 } = attributes
  if (splits > 1) {
    const each = splitsOf(inputs, splits).map(part => runningStatistics(part, { ...attributes, splits: 1 }))
    const mean = (which: 0 | 1) => map(added(each.map(pair => pair[which])), value => value / splits)
    return [mean(0), mean(1)]
  }
  const [x, , , runningMean, runningVariance] = inputs as [Array64, Array64, Array64, Array64, Array64]
  const { rows } = rowsOf(x)
  const { mean, variance } = batchStatistics(x)
  return [
    { shape: runningMean.shape, data: runningMean.data.map((r, c) => (1 - momentum) * r + momentum * mean[c]!) },
    {
      shape: runningVariance.shape,
      data: runningVariance.data.map((r, c) => (1 - momentum) * r + (momentum * variance[c]! * rows) / (rows - 1)),
    },
  ]
}
