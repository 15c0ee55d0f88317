import { type Array64, type Reference, rowsOf, zeros } from './array.js'

export interface BatchNormAttributes {
  mode: 'update' | 'frozen' | 'inference'
  momentum?: number
  epsilon?: number
  relu?: boolean
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
  forward(inputs, attributes) {
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
  gradient(inputs, attributes, outputGradient) {
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

/** The running mean and variance after one batch: (1 − momentum) · running + momentum · batch, variance unbiased. */
export function runningStatistics(inputs: Array64[], { momentum = 0.1 }: BatchNormAttributes): [Array64, Array64] {
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
