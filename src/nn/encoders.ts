import { ConfigError } from '../device/errors.js'
import type { Tensor } from '../tensor/tensor.js'
import { AlexNet, type AlexNetOptions } from './alexnet.js'
import { ExemplarNet, type ExemplarNetOptions } from './exemplarNet.js'
import type { Module } from './module.js'
import { ResNet, type ResNetOptions } from './resnet.js'
import { VisionTransformer, type VisionTransformerOptions } from './vit.js'

/** A module that turns images [N, H, W, C] into features [N, featureDimension]. */
export interface Encoder extends Module {
  readonly featureDimension: number
  /**
   * What it is evaluated by, where that is something else: of a network that ends in a dense layer, which is made for one
   * size, the maps before it. [N, evaluationDimension], for images of any size.
   */
  evaluationFeatures?(images: Tensor): Tensor
  readonly evaluationDimension?: number
}

type Optional<Options, Names extends keyof Options> = Partial<Pick<Options, Names>>

/**
 * What an encoder by name is made with. Images' channels, the size of images and patches, and `width` mean the same for
 * all; the rest is for the networks that have it, and the others pass it over.
 */
export interface EncoderOptions
  extends Omit<ResNetOptions, 'depth'>,
    Optional<AlexNetOptions, 'normalisation'>,
    Optional<ExemplarNetOptions, 'dropout'>,
    Optional<VisionTransformerOptions, 'patchSize' | 'depth' | 'heads' | 'positions' | 'pooling' | 'frozenPatches'> {
  /** Height and width of the images; all but ResNets want it. */
  readonly imageSize?: number
}

const residual = (depth: ResNetOptions['depth']) => (_: string, options: EncoderOptions) =>
  new ResNet({ ...options, depth })

const exemplar = (size: ExemplarNetOptions['size']) => (name: string, options: EncoderOptions) =>
  new ExemplarNet({ ...options, size, imageSize: wanted(name, options, 'imageSize') })

/** `width` 192 or 384, with as many heads as 64 go into it. */
const vision = (width: number) => (name: string, options: EncoderOptions) =>
  new VisionTransformer({
    width,
    ...options,
    imageSize: wanted(name, options, 'imageSize'),
    patchSize: wanted(name, options, 'patchSize'),
  })

const builders = {
  resnet8: residual(8),
  resnet18: residual(18),
  resnet34: residual(34),
  resnet50: residual(50),
  alexnet: (name: string, options: EncoderOptions) =>
    new AlexNet({ ...options, imageSize: wanted(name, options, 'imageSize') }),
  'exemplar-small': exemplar('small'),
  'exemplar-medium': exemplar('medium'),
  'exemplar-large': exemplar('large'),
  'vit-tiny': vision(192),
  'vit-small': vision(384),
}

export type EncoderName = keyof typeof builders

/** The networks that `encoder` gives for a name. */
type EncoderOf<Name extends EncoderName> = ReturnType<(typeof builders)[Name]>

/** The names that `encoder` knows. */
export const encoderNames = Object.keys(builders) as EncoderName[]

/**
 * An encoder by name.
 *
 * @throws ConfigError for a name that is not one of `encoderNames`, or where `imageSize` or `patchSize` is wanted.
 */
export function encoder<Name extends EncoderName>(name: Name, options: EncoderOptions): EncoderOf<Name> {
  const build = builders[name]
  if (!build) throw new ConfigError(`encoder: wants one of ${encoderNames.join(', ')}, got ${name}`)
  return build(name, options) as EncoderOf<Name>
}

function wanted(name: string, options: EncoderOptions, field: 'imageSize' | 'patchSize'): number {
  const value = options[field]
  if (value === undefined) throw new ConfigError(`encoder ${name}: wants ${field}, in pixels`)
  return value
}
