/** The suites: which cases, how large. */
import type { Precision } from '../src/device/launch.js'
import type { Spec } from './case.js'

export const SUITES = ['ops', 'train', 'all', 'gpu', 'gpu-tiny'] as const
export type Suite = (typeof SUITES)[number]

/** What every peer is measured on, in the order of the report. */
const OPS: readonly Spec[] = [
  { op: 'matmul', m: 512, k: 512, n: 512 },
  { op: 'matmul', m: 256, k: 512, n: 128 },
  ...convolutions({ batch: 16, size: 32, from: 64, to: 64 }),
  ...convolutions({ batch: 64, size: 28, from: 32, to: 32 }),
  { op: 'maxPool2d', batch: 64, size: 32, channels: 64 },
  { op: 'softmax', rows: 2048, columns: 1000 },
  { op: 'batchNorm', batch: 64, size: 28, channels: 32 },
  { op: 'relu', batch: 64, size: 32, channels: 64 },
  { op: 'add', batch: 64, size: 32, channels: 64 },
  { op: 'ntXent', rows: 512, columns: 128 },
  // MoCo's queue on CIFAR-10 and on ImageNet.
  { op: 'infoNCE', rows: 256, keys: 4096, columns: 128 },
  { op: 'infoNCE', rows: 256, keys: 65_536, columns: 128 },
  // 11.3 million parameters, as ResNet-18 has.
  { op: 'ema', tensors: 43, width: 512 },
  { op: 'sgd', tensors: 43, width: 512 },
  { op: 'adamw', tensors: 43, width: 512 },
  { op: 'lars', tensors: 43, width: 512 },
  { op: 'augment', batch: 256, size: 32, channels: 3 },
  { op: 'similarityTopK', rows: 256, keys: 8192, columns: 128, k: 20 },
]

const TRAIN: readonly Spec[] = [{ op: 'simclr', encoder: 'resnet8', batch: 256, size: 28, channels: 1 }]

/**
 * What fills a GPU, every convolution the same 39 GFLOP; or the same cases so small that a processor runs through them
 * in a minute, to see that all of them do run.
 */
function gpuSuite(tiny: boolean): Spec[] {
  const small = (full: number, little: number) => (tiny ? little : full)
  const side = small(4096, 64)
  const columns = 128
  const halves: readonly (Precision | undefined)[] = [undefined, 'float16']
  const simclr = { op: 'simclr', encoder: tiny ? 'resnet8' : 'resnet18', batch: small(512, 8), channels: 3 } as const
  // Of 512 x 512 parameters a tensor: 1 GiB an array.
  const arrays = { tensors: small(1024, 2), width: small(512, 64) }
  return [
    ...halves.map(precision => ({ op: 'matmul', m: side, k: side, n: side, ...(precision && { precision }) }) as const),
    // What the losses are held against: a product of the same inner length.
    { op: 'matmul', m: small(8192, 128), k: columns, n: small(8192, 128) },
    ...[64, 128, 256, 512].flatMap(channels => {
      const size = small((32 * 64) / channels, 4)
      const width = small(channels, channels / 8)
      return convolutions({ batch: small(512, 2), size, from: width, to: width })
    }),
    ...convolutions({ batch: small(512, 2), size: small(8, 4), from: small(256, 32), to: small(256, 32) }).map(
      spec => ({ ...spec, precision: 'float16' }) as const,
    ),
    { op: 'batchNorm', batch: small(512, 2), size: small(32, 8), channels: 64 },
    { op: 'ntXent', rows: small(32_768, 64), columns },
    { op: 'infoNCE', rows: small(256, 16), keys: small(1_048_576, 512), columns },
    { op: 'ema', ...arrays },
    { op: 'sgd', ...arrays },
    { op: 'adamw', ...arrays },
    { op: 'lars', ...arrays },
    { op: 'augment', batch: small(512, 4), size: small(32, 8), channels: 3 },
    ...halves.map(precision => ({ ...simclr, size: small(32, 16), ...(precision && { precision }) })),
  ]
}

export function specsOf(suite: Suite): readonly Spec[] {
  switch (suite) {
    case 'ops':
      return OPS
    case 'train':
      return TRAIN
    case 'all':
      return [...OPS, ...TRAIN]
    case 'gpu':
    case 'gpu-tiny':
      return gpuSuite(suite === 'gpu-tiny')
  }
}

function convolutions(sizes: { batch: number; size: number; from: number; to: number }): Spec[] {
  return (['conv2d', 'conv2dBackwardData', 'conv2dBackwardFilter'] as const).map(op => ({ op, ...sizes }))
}
