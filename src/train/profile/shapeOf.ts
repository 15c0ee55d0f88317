import { isSlice, type Launch } from '../../device/launch.js'
import type { ConvolutionSizes } from '../../ops/conv2d.plan.js'
import '../../ops/conv2d.js'
import '../../ops/conv2dBatchNorm.js'
import '../../ops/elementwise.launch.js'
import '../../ops/matmul.js'

/** The sizes and choices of a launch in a few words: launches of the same op and words do the same work. */
export function shapeOf(launch: Launch): string {
  switch (launch.op) {
    case 'conv2d':
    case 'conv2dBatchNorm':
    case 'conv2dBackwardData':
    case 'conv2dBackwardFilter':
      return [convolution(launch), precisionOf(launch.precision)].join('')
    case 'matmul': {
      const { batch, m, k, n, transposeA, transposeB, precision } = launch
      const a = `${m}x${k}${transposeA ? 'ᵀ' : ''}`
      const b = `${k}x${n}${transposeB ? 'ᵀ' : ''}`
      return `${batch > 1 ? `${batch} of ` : ''}${a} · ${b}${precisionOf(precision)}`
    }
    case 'elementwise':
      return `${launch.row} ${launch.shape.join('x')}`
    default:
      return fieldsOf(launch)
  }
}

function convolution(sizes: ConvolutionSizes): string {
  const { images, height, width, channels, filters, kernelHeight, kernelWidth, strideY, strideX, groups } = sizes
  const { dilationY, dilationX } = sizes
  const pair = (name: string, y: number, x: number) => (y * x === 1 ? '' : `, ${name} ${y === x ? y : `${y}x${x}`}`)
  return (
    `${images}x${height}x${width}x${channels}→${filters}, ${kernelHeight}x${kernelWidth}` +
    pair('stride', strideY, strideX) +
    pair('dilation', dilationY, dilationX) +
    (groups > 1 ? `, ${groups} groups` : '')
  )
}

function precisionOf(precision: string | undefined): string {
  return precision === undefined || precision === 'float32' ? '' : `, ${precision}`
}

/** Whole numbers by name, words and what is true: of an op that is not told apart above. */
function fieldsOf(launch: Launch): string {
  return Object.entries(launch)
    .flatMap(([name, value]: [string, unknown]) => {
      if (name === 'op' || isSlice(value) || value === null) return []
      if (value === true) return [name]
      if (typeof value === 'string') return [value]
      if (Number.isInteger(value)) return [`${name} ${value}`]
      return Array.isArray(value) && value.length > 0 && value.every(Number.isInteger)
        ? [`${name} ${value.join('x')}`]
        : []
    })
    .join(', ')
}
