import { type Row, type RowName, table } from '../../src/ops/elementwise.table.js'
import { type Array64, array, type Reference } from './array.js'
import { barlowTwins } from './barlowTwins.js'
import { type BatchNormAttributes, batchNorm } from './batchNorm.js'
import { type Conv2dAttributes, conv2d } from './conv2d.js'
import { negativeCosine, normalizedDistance } from './cosine.js'
import { checkGradient } from './differences.js'
import { elementwise } from './elementwise.js'
import { gather, gatherTokens, permute, scatterAdd } from './gather.js'
import { decoupledContrastive, inBatchContrast, logSumExp, supervisedContrastive } from './inBatch.js'
import { inverseCholesky } from './inverseCholesky.js'
import { bankSoftmax, infoNCE, softmaxClassifier } from './keys.js'
import { layerNorm } from './layerNorm.js'
import { localResponseNorm } from './localResponseNorm.js'
import { type MatmulAttributes, matmul } from './matmul.js'
import { cosineSimilarity, l2normalize } from './normalize.js'
import { ntXent } from './ntXent.js'
import { averagePool2d, globalAveragePool, maxPool2d, quadrantMaxPool } from './pool.js'
import { resizePositions } from './positions.js'
import {
  type Draw,
  distinct,
  draw,
  generator,
  integers,
  normal,
  permutation,
  positiveDefinite,
  uniform,
} from './random.js'
import { max, mean, min, sum, variance } from './reduce.js'
import { affineSample, type SampleAttributes } from './sample.js'
import { nce, sampledSoftmax } from './sampled.js'
import { concat, reshape, slice, transpose } from './shape.js'
import { crossEntropy, logSoftmax, softmax } from './softmax.js'
import { consistency, maskedSquaredError, proximal, swappedPrediction } from './targets.js'
import { tico } from './tico.js'
import { topKValues } from './topk.js'
import { vicreg } from './vicreg.js'
import { whiten, whitenedDistance } from './whiten.js'

const random = generator(2)
const of = (shape: number[], how: Draw = normal()): Array64 => draw(shape, how, random)

function check<Attributes>(
  name: string,
  reference: Reference<Attributes>,
  attributes: Attributes,
  inputs: Array64[],
  checked = [0],
) {
  it(name, () => checkGradient(reference, inputs, attributes, checked))
}

describe('the float64 reference: gradients by central differences', () => {
  for (const [name, row] of Object.entries(table) as [RowName, Row][]) {
    const [low, high] = row.domain
    const inputs = [[3, 1, 5], [4, 1], [5]].slice(0, row.derivative.length).map(shape => of(shape, uniform(low, high)))
    if (name === 'where') inputs[0] = of([3, 1, 5], integers(0, 2))
    if (name === 'clamp') inputs.splice(1, 2, array([], [-1]), array([], [1]))
    const checked = row.derivative.flatMap((derivative, k) => (derivative ? [k] : []))
    check(name, elementwise(row), undefined, inputs, checked)
  }

  for (const [name, reduction] of Object.entries({ sum, mean, max, min, variance })) {
    check(`${name} of everything`, reduction, {}, [of([3, 4], distinct)])
    check(`${name} over axes 0 and 2`, reduction, { axes: [0, -1], keepDims: true }, [of([3, 2, 4], distinct)])
  }
  check('variance, unbiased', variance, { axes: 1, correction: 1 }, [of([3, 5])])

  const products: [string, MatmulAttributes, number[], number[]][] = [
    ['plain', {}, [3, 4], [4, 2]],
    ['both transposed', { transposeA: true, transposeB: true }, [4, 3], [2, 4]],
    ['broadcast batches', { transposeB: true }, [2, 1, 3, 4], [3, 2, 4]],
  ]
  for (const [name, attributes, a, b] of products) {
    check(`matmul ${name}`, matmul, attributes, [of(a), of(b)], [0, 1])
    check(`matmul ${name}, bias`, matmul, attributes, [of(a), of(b), of([2])], [0, 1, 2])
  }
  const terms = [[3, 4], [4, 2], [2], [3, 2]].map(shape => draw(shape, normal(), generator(shape[0]!)))
  check('matmul with bias, residual and ReLU', matmul, { relu: true }, terms, [0, 1, 2, 3])

  const convolutions: [string, Conv2dAttributes, number[], number[]][] = [
    ['plain', {}, [2, 5, 4, 3], [3, 2, 3, 4]],
    ['strided, padded', { stride: 2, padding: 1 }, [1, 6, 5, 2], [3, 3, 2, 3]],
    ['uneven padding, dilated', { padding: [2, 0, 1, 3], dilation: 2 }, [1, 5, 6, 2], [3, 2, 2, 2]],
    ['same, grouped', { padding: 'same', stride: 2, groups: 2 }, [1, 5, 4, 4], [3, 3, 2, 6]],
  ]
  for (const [name, attributes, x, filter] of convolutions)
    check(`conv2d ${name}`, conv2d, attributes, [of(x), of(filter)], [0, 1])

  check('maxPool2d', maxPool2d, { size: 3, stride: 2, padding: 1 }, [of([2, 5, 6, 2], distinct)])
  check('averagePool2d', averagePool2d, { size: 3, stride: 2, padding: 1 }, [of([2, 5, 6, 2])])
  check('globalAveragePool', globalAveragePool, undefined, [of([2, 3, 4, 5])])
  check('quadrantMaxPool', quadrantMaxPool, undefined, [of([2, 3, 4, 2], distinct)])

  const norms: [string, BatchNormAttributes][] = [
    ['update', { mode: 'update' }],
    ['frozen, relu', { mode: 'frozen', relu: true, epsilon: 0.1 }],
    ['inference, relu', { mode: 'inference', relu: true }],
    ['update, relu, 2 splits', { mode: 'update', relu: true, splits: 2 }],
  ]
  for (const [name, attributes] of norms) {
    const vectors = [of([4]), of([4]), of([4]), of([4], uniform(0.5, 2))]
    check(`batchNorm ${name}`, batchNorm, attributes, [of([6, 2, 4]), ...vectors], [0, 1, 2])
    const residual = of([6, 2, 4])
    check(`batchNorm ${name}, residual`, batchNorm, attributes, [of([6, 2, 4]), ...vectors, residual], [0, 1, 2, 5])
  }
  check('layerNorm', layerNorm, {}, [of([3, 5])])
  check('localResponseNorm', localResponseNorm, { size: 3, alpha: 2 }, [of([4, 5])])
  check('localResponseNorm, even', localResponseNorm, { size: 4, alpha: 1, beta: 0.5, offset: 2 }, [of([2, 3, 6])])
  check('layerNorm, affine', layerNorm, { epsilon: 0.1 }, [of([2, 3, 5]), of([5]), of([5])], [0, 1, 2])

  check('softmax', softmax, undefined, [of([3, 5])])
  check('logSoftmax', logSoftmax, undefined, [of([3, 5])])
  check('crossEntropy', crossEntropy, {}, [of([4, 5]), of([4], integers(0, 5))])
  check('crossEntropy, smoothed', crossEntropy, { labelSmoothing: 0.1 }, [of([4, 5]), of([4], integers(0, 5))])
  for (const meanOver of ['rows', 'labelled'] as const) {
    const labels = array([5], [2, -1, 0, -1, 3])
    check(`crossEntropy, some unlabelled, over ${meanOver}`, crossEntropy, { meanOver, labelSmoothing: 0.1 }, [
      of([5, 4]),
      labels,
    ])
  }
  check('l2normalize', l2normalize, {}, [of([3, 5])])
  check('l2normalize below epsilon', l2normalize, { epsilon: 10 }, [of([3, 5])])
  check('cosineSimilarity', cosineSimilarity, {}, [of([3, 5]), of([4, 5])], [0, 1])
  check('normalizedDistance', normalizedDistance, undefined, [of([4, 5]), of([4, 5])], [0, 1])
  check('negativeCosine', negativeCosine, undefined, [of([4, 5]), of([4, 5])], [0, 1])
  check('ntXent', ntXent, { temperature: 0.5 }, [of([8, 5], normal(0.3))])
  const bank = [of([3, 5], normal(0.5)), of([4, 5], normal(0.5))]
  check('infoNCE', infoNCE, { temperature: 0.5 }, [of([2, 5]), of([2, 5]), ...bank], [0, 1])
  check('bankSoftmax', bankSoftmax, { temperature: 0.5 }, [of([4, 5]), of([4], integers(0, 7)), ...bank])
  const classifier = [of([4, 3]), of([5, 3]), of([4], integers(0, 5))]
  check('softmaxClassifier', softmaxClassifier, undefined, classifier, [0, 1])
  check('softmaxClassifier, bias', softmaxClassifier, undefined, [...classifier, of([5])], [0, 1, 3])
  check('logSumExp', logSumExp, undefined, [of([3, 5])])
  for (const shape of [
    [5, 3],
    [3, 5],
  ]) {
    check(`barlowTwins [${shape}]`, barlowTwins, { lambda: 0.3 }, [of(shape), of(shape)], [0, 1])
    for (const deviation of [0.5, 3]) {
      const weights = { invariance: 2, variance: 3, covariance: 1.5 }
      const views = [of(shape, normal(deviation)), of(shape, normal(deviation))]
      check(`vicreg [${shape}], deviation ${deviation}`, vicreg, weights, views, [0, 1])
    }
    const before = of([shape[1]!, shape[1]!])
    check(`tico [${shape}]`, tico, { covarianceMomentum: 0.7, rho: 2 }, [of(shape), of(shape), before], [0, 1])
    check(`inBatchContrast [${shape}]`, inBatchContrast, { temperature: 0.5 }, [of(shape), of(shape)], [0, 1])
  }
  check('decoupledContrastive', decoupledContrastive, { temperature: 0.5 }, [of([8, 5], normal(0.3))])
  const weights = [0.5, 1, 1.5, 2]
  check('decoupledContrastive, weighted', decoupledContrastive, { temperature: 0.5, weights }, [
    of([8, 5], normal(0.3)),
  ])
  const classes = array([4], [1, -1, 1, -1])
  check('supervisedContrastive', supervisedContrastive, { temperature: 0.5 }, [of([8, 5], normal(0.3)), classes])
  const picks = [of([2], integers(0, 5)), of([2, 6], integers(0, 5)), array([], [Math.log(7)])]
  check('nce', nce, { temperature: 0.5, pages: 1 }, [of([2, 3]), ...picks, of([5, 3])], [0, 4])
  const noise = array([5], [0.1, 0.3, 0.2, 0.15, 0.25])
  check('nce, two pages, noise', nce, { temperature: 0.5, pages: 2 }, [
    of([2, 3]),
    ...picks,
    of([4, 3]),
    of([1, 3]),
    noise,
  ])
  const samples = [of([4, 3]), of([5, 3]), of([4], integers(0, 5)), of([3], integers(0, 5))]
  const counts = [of([4], uniform(0.5, 2)), of([3], uniform(0.5, 2))]
  for (const removeAccidentalHits of [true, false]) {
    const plain = { bias: false, expected: false, removeAccidentalHits }
    check('sampledSoftmax', sampledSoftmax, plain, samples, [0, 1])
    const all = { bias: true, expected: true, removeAccidentalHits }
    check('sampledSoftmax, bias, counts', sampledSoftmax, all, [...samples, of([5]), ...counts], [0, 1, 4])
  }
  for (const epsilon of [0, 0.2]) check(`whiten, ε ${epsilon}`, whiten, { epsilon }, [of([7, 3])])
  for (const normalised of [true, false]) {
    const views = [of([8, 3]), of([8, 3]), of([8, 3])]
    const attributes = { size: 4, epsilon: 0.1, normalised }
    check(`whitenedDistance${normalised ? ', normalised' : ''}`, whitenedDistance, attributes, views, [0, 1, 2])
  }
  const assigned = [of([2, 3], uniform(0, 1)), of([2, 3], uniform(0, 1))]
  const scores = [of([2, 3]), of([2, 3]), of([2, 3])]
  check('swappedPrediction', swappedPrediction, { targets: 2, temperature: 0.5 }, [...assigned, ...scores], [2, 3, 4])
  for (const normalisedPixels of [true, false]) {
    const images = [of([2, 3, 4]), of([2, 3, 4]), array([2, 3], [1, 0, 1, 1, 1, 0])]
    check('maskedSquaredError', maskedSquaredError, { normalisedPixels }, images)
  }
  check('consistency', consistency, undefined, [of([3, 4]), of([3, 4])])
  check('proximal', proximal, undefined, [of([3, 4]), of([3, 4])])
  check('topKValues', topKValues, { k: 3 }, [of([3, 7], distinct)])

  check('gather', gather, { axis: 1 }, [of([2, 4, 3]), of([6], integers(0, 4))])
  check('scatterAdd', scatterAdd, { rows: 5 }, [of([7, 3]), of([7], integers(0, 5))])
  check('gatherTokens', gatherTokens, undefined, [of([3, 4, 2]), of([3, 5], integers(0, 4))])
  check('inverseCholesky', inverseCholesky, undefined, [of([5, 5], positiveDefinite)])
  check('permute', permute, undefined, [of([6, 2]), of([6], permutation)])
  check('resizePositions', resizePositions, { from: [3, 2], to: [2, 5] }, [of([6, 3])])
  check('reshape', reshape, { shape: [3, 4] }, [of([2, 6])])
  check('transpose', transpose, { axes: [2, 0, 1] }, [of([2, 3, 4])])
  check('slice', slice, { starts: [1, 2], sizes: [2, 2] }, [of([4, 5])])
  check('concat', concat, { axis: 1 }, [of([2, 1, 3]), of([2, 3, 3])], [0, 1])

  for (const interpolation of ['bilinear', 'bicubic'] as const)
    for (const padding of ['zeros', 'border', 'reflection'] as const) {
      const attributes: SampleAttributes = { height: 3, width: 4, interpolation, padding }
      check(`affineSample ${interpolation} ${padding}`, affineSample, attributes, [of([2, 5, 4, 2]), of([2, 2, 3])])
    }
})
