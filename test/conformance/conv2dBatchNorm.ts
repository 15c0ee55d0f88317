import { conv2dBatchNorm } from '../../src/ops/conv2dBatchNorm.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { type Array64, type Reference, sizeOf } from '../reference/array.js'
import { type BatchNormAttributes, batchNorm } from '../reference/batchNorm.js'
import { type Conv2dAttributes, conv2d } from '../reference/conv2d.js'
import { uniform } from '../reference/random.js'
import { type Case, caseOf } from './case.js'

interface Attributes extends Conv2dAttributes, Pick<BatchNormAttributes, 'relu' | 'epsilon'> {}

/** Inputs [x, filter, gamma, beta, runningMean, runningVariance] and perhaps residual. */
const reference: Reference<Attributes> = {
  forward([x, filter, ...others], attributes) {
    const y = conv2d.forward([x!, filter!], attributes)
    return batchNorm.forward([y, ...others], { ...attributes, mode: 'inference' })
  },
  gradient([x, filter, ...others], attributes, above) {
    const y = conv2d.forward([x!, filter!], attributes)
    const [dy, ...rest] = batchNorm.gradient([y, ...others], { ...attributes, mode: 'inference' }, above)
    return [...conv2d.gradient([x!, filter!], attributes, dy as Array64), ...rest]
  },
}

function normed(x: number[], filter: number[], attributes: Attributes, residual?: number[]): Case {
  const options = JSON.stringify(attributes).replace(/["{}]/g, '')
  const vector = [filter.at(-1)!]
  return caseOf(
    `conv2dBatchNorm [${x}] * [${filter}] ${options}${residual ? ', residual' : ''}`,
    reference,
    attributes,
    {
      inputs: [
        { shape: x },
        { shape: filter },
        { shape: vector },
        { shape: vector },
        { shape: vector, differentiable: false },
        { shape: vector, draw: uniform(0.5, 2), differentiable: false },
        ...(residual ? [{ shape: residual }] : []),
      ],
      run: inputs => runNormed(inputs, attributes),
      depth: Math.max(sizeOf(filter) / filter.at(-1)!, sizeOf(x) / x.at(-1)!),
    },
  )
}

function runNormed(inputs: Tensor[], { relu, epsilon, ...options }: Attributes): Tensor {
  const [x, filter, gamma, beta, runningMean, runningVariance, residual] = inputs as [
    ...[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor],
    Tensor?,
  ]
  const norm = { gamma, beta, runningMean, runningVariance, ...(relu && { relu }), ...(epsilon && { epsilon }) }
  return conv2dBatchNorm(x, filter, options, { ...norm, ...(residual && { residual }) })
}

export const cases: readonly Case[] = [
  normed([2, 6, 5, 3], [3, 3, 3, 8], { padding: 1, relu: true }),
  normed([2, 7, 5, 8], [3, 3, 8, 3], { padding: 1, stride: 2, epsilon: 0.125 }, [2, 4, 3, 3]),
  normed([1, 5, 5, 6], [1, 1, 6, 4], { relu: true }, [1, 5, 5, 4]),
  normed([1, 6, 6, 8], [3, 3, 4, 6], { groups: 2, relu: true }, [1, 4, 4, 6]),
  normed([2, 9, 8, 16], [3, 3, 16, 32], { padding: 1, relu: true }, [2, 9, 8, 32]),
]
