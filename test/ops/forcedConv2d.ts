import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import type { LaunchOf, Precision } from '../../src/device/launch.js'
import { type Dispatch, implement, type Target } from '../../src/device/webgpu/plan.js'
import type { SubgroupMatrix } from '../../src/device/webgpu/subgroupMatrix.js'
import { type Conv2dOptions, conv2d, conv2dBackwardData, conv2dBackwardFilter } from '../../src/ops/conv2d.js'
import { type ConvolutionSizes, planConv2d, planConv2dBackwardData } from '../../src/ops/conv2d.plan.js'
import { planConv2dBackwardFilter } from '../../src/ops/conv2dBackwardFilter.plan.js'
import type { ConvolutionForce } from '../../src/ops/convolutionTile.plan.js'
import { tensor } from '../../src/tensor/create.js'
import { sizeOf } from '../../src/tensor/shape.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { type Array64, array, map } from '../reference/array.js'
import { type Conv2dAttributes, conv2d as reference } from '../reference/conv2d.js'
import { half } from '../reference/half.js'

declare module '../../src/device/launch.js' {
  interface Launches {
    forcedConv2d: {
      launch: ConvolutionLaunch
      force: ConvolutionForce
      subgroupMatrix: SubgroupMatrix | undefined
    }
  }
}

export type ConvolutionLaunch = LaunchOf<'conv2d'> | LaunchOf<'conv2dBackwardData'> | LaunchOf<'conv2dBackwardFilter'>

implement('forcedConv2d', ({ launch, force, subgroupMatrix }, target) =>
  planConvolution(launch, { ...target, subgroupMatrix }, force),
)

export function planConvolution(launch: ConvolutionLaunch, target: Target, force: ConvolutionForce = {}): Dispatch[] {
  if (launch.op === 'conv2d') return planConv2d(launch, target, force)
  if (launch.op === 'conv2dBackwardData') return planConv2dBackwardData(launch, target, force)
  return planConv2dBackwardFilter(launch, target, force)
}

export const slice = { buffer: { id: 0, bytes: 2 ** 30 }, offset: 0, bytes: 2 ** 30 }

/** A 3×3 convolution with padding 1 and stride 1, unless the sizes say otherwise. */
export function sizesOf(sizes: Partial<ConvolutionSizes> = {}): ConvolutionSizes {
  return {
    images: 2,
    height: 8,
    width: 8,
    channels: 16,
    outHeight: 8,
    outWidth: 8,
    filters: 32,
    kernelHeight: 3,
    kernelWidth: 3,
    strideY: 1,
    strideX: 1,
    top: 1,
    left: 1,
    dilationY: 1,
    dilationX: 1,
    groups: 1,
    ...sizes,
  }
}

export type Problem = readonly [x: number[], filter: number[], attributes: Conv2dAttributes]

/** More than one tile along pixels, along (tap, channel) and along output channels. */
export const LARGE: Problem = [[2, 9, 11, 20], [3, 3, 20, 68], { padding: 1 }]
export const STEM: Problem = [[1, 12, 13, 3], [5, 5, 3, 33], { stride: 2, padding: 2 }]
export const GROUPED: Problem = [
  [1, 13, 9, 12],
  [3, 2, 6, 34],
  { stride: 3, dilation: 2, padding: [2, 1, 0, 2], groups: 2 },
]

export interface Prescription {
  readonly force: ConvolutionForce
  readonly precision?: Precision
  readonly subgroupMatrix?: SubgroupMatrix
}

/**
 * Carries out a convolution and both its gradients as prescribed, and holds them against float64, operands rounded first
 * where products are in float16.
 */
export async function checkConvolution(
  device: Device,
  [xShape, filterShape, attributes]: Problem,
  { force, precision = 'float32', subgroupMatrix }: Prescription,
): Promise<void> {
  const x = wave(xShape, 1)
  const filter = wave(filterShape, 2)
  const dy = wave(reference.forward([x, filter], attributes).shape, 3)
  const rounded = (each: Array64) => (precision === 'float16' ? map(each, half) : each)
  const y = reference.forward([rounded(x), rounded(filter)], attributes)
  const [dx, df] = reference.gradient([rounded(x), rounded(filter)], attributes, rounded(dy))
  const [tx, tf, tdy] = [x, filter, dy].map(each => tensor(Float32Array.from(each.data), { shape: each.shape, device }))
  const options = { ...attributes, precision } as Conv2dOptions
  const forced = (body: () => Tensor): Tensor => {
    const launch = device.launch
    device.launch = each =>
      launch.call(device, { op: 'forcedConv2d', launch: each as ConvolutionLaunch, force, subgroupMatrix })
    try {
      return body()
    } finally {
      device.launch = launch
    }
  }
  await near(
    forced(() => conv2d(tx!, tf!, options)),
    y,
    `[${xShape}]`,
  )
  await near(
    forced(() => conv2dBackwardData(tdy!, tf!, xShape, options)),
    dx!,
    `[${xShape}] data`,
  )
  await near(
    forced(() => conv2dBackwardFilter(tx!, tdy!, filterShape, options)),
    df!,
    `[${xShape}] filter`,
  )
}

export function wave(shape: number[], phase: number): Array64 {
  return array(
    shape,
    Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(phase + 7 * i)),
  )
}

export async function near(got: Tensor, wanted: Array64, what: string): Promise<void> {
  const data = await got.data()
  const error = Math.hypot(...wanted.data.map((value, i) => value - data[i]!))
  const bound = 8 * Math.sqrt(wanted.data.length) * 2 ** -24 * Math.hypot(...wanted.data) + 1e-6
  assert.deepEqual(got.shape, wanted.shape)
  assert.ok(error <= bound, `${what}: off by ${error}, bound ${bound}`)
}
