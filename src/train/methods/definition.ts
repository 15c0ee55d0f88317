/** What a method is to the outside: its paper, its settings, and how it is built from them. */
import type { z } from 'zod'
import type { Dataset } from '../../data/dataset.js'
import type { Device } from '../../device/device.js'
import type { Encoder, Method } from '../../ssl/method.js'
import type { Generator } from '../../tensor/philox.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { ViewSpec } from '../../views/spec.js'
import type { Config } from '../config.js'
import type { NetworkBuilders } from '../networks.js'

/** What a method cannot do without. */
export type Need = 'negatives' | 'labels' | 'momentum encoder' | 'queue' | 'memory bank' | 'multi-crop' | 'ViT'

/** What is there to build a method from. */
export interface BuildContext extends NetworkBuilders {
  readonly config: Config
  readonly device: Device
  /** The images that are trained on (those of `dataset`, where a method makes its own). */
  readonly train: Dataset
  /** Mean and standard deviation of each channel of images in [0, 1]. */
  readonly mean: readonly number[]
  readonly std: readonly number[]
  /** Side of a view, in pixels. */
  readonly size: number
  readonly totalSteps: number
  readonly stepsPerEpoch: number
  /** The two views that the configuration's preset makes; of a symmetric preset twice the same. */
  readonly views: readonly [ViewSpec, ViewSpec]
  /** uint32 [4] = [seed low, seed high, step, 0]: what dropouts read. */
  readonly counter: Tensor
  /** The number of classes. @throws ConfigError for images without labels */
  classes(): number
  /** A stream of random numbers of the run's seed. */
  generator(name: string): Generator
}

export interface MethodDefinition {
  /** On the command line and in configurations. */
  readonly name: string
  readonly title: string
  readonly authors: string
  readonly year: number
  readonly url: string
  readonly needs: readonly Need[]
  /** The settings that only this method has, `options` of a configuration, with their defaults. */
  readonly options: z.ZodObject
  /** @param options what `options` made of the configuration's */
  build(options: unknown, context: BuildContext): Method
  /** What is kept and evaluated, where that is more than the configured encoder; `undefined` where these settings keep that. */
  kept?(options: unknown, builders: NetworkBuilders): Encoder | undefined
  /** The images to train on instead of the data set's own, where the method makes some of them. */
  dataset?(options: unknown, train: Dataset, generator: Generator): Dataset
  /** Side of what the encoder sees, in pixels, where the method cuts it out of the images. */
  partSize?(options: unknown): number
  /** Where every batch has so many images whose labels are known: a semi-supervised method. */
  labelledPerBatch?(options: unknown): number
  /** Whether images without a label that is known are left out. */
  readonly onlyLabelled?: boolean
}

type Typed = 'options' | 'build' | 'kept' | 'dataset' | 'partSize' | 'labelledPerBatch'

/** A definition whose functions know the type of its options. */
export function defineMethod<Options extends z.ZodObject>(
  definition: {
    readonly [Key in keyof Omit<MethodDefinition, Typed>]: MethodDefinition[Key]
  } & {
    readonly options: Options
    build(options: z.infer<Options>, context: BuildContext): Method
    kept?(options: z.infer<Options>, builders: NetworkBuilders): Encoder | undefined
    dataset?(options: z.infer<Options>, train: Dataset, generator: Generator): Dataset
    partSize?(options: z.infer<Options>): number
    labelledPerBatch?(options: z.infer<Options>): number
  },
): MethodDefinition {
  return definition as MethodDefinition
}
