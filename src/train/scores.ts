/** Probes on features: of the trained encoder, of the untrained one, of the raw pixels. */
import { type Dataset, labelledImages, type Splits } from '../data/dataset.js'
import type { Device } from '../device/device.js'
import { ConfigError, ShapeError } from '../device/errors.js'
import type { FeatureSet } from '../eval/featureSet.js'
import { extractFeatures, imageFeatures } from '../eval/features.js'
import { knnAccuracy } from '../eval/knn.js'
import { linearProbe } from '../eval/linear.js'
import { pixelFeatures } from '../eval/pixels.js'
import type { Encoder } from '../ssl/method.js'
import { zeros } from '../tensor/create.js'
import { scope } from '../tensor/scope.js'
import { noGrad } from '../tensor/tape.js'
import type { Statistics } from './build.js'
import type { Config } from './config.js'
import type { Log } from './log.js'
import { buildKept, type NetworkInputs } from './networks.js'
import type { Result, Scores } from './result.js'
import type { Session } from './session.js'

export type Kind = 'knn' | 'linear'

/** A data set that can be evaluated on, with what, and where progress is said. */
export interface Evaluation {
  readonly device: Device
  readonly config: Config
  readonly statistics: Statistics
  /** What the encoder was built for, which may be smaller than the images: parts of them, or another data set's. */
  readonly inputs: NetworkInputs
  readonly train: Dataset
  readonly test: Dataset
  readonly log: Log
}

/** The labelled images to fit on and to test on; `undefined` where there are none to evaluate with. */
export function evaluationSplits({
  train,
  labelled = train,
  test,
}: Splits): { train: Dataset; test: Dataset } | undefined {
  const [fitted, tested] = [labelledImages(labelled), test && labelledImages(test)]
  return fitted && tested ? { train: fitted, test: tested } : undefined
}

/** What a run is evaluated with; `undefined` where there are no labels to. */
export function evaluationOf(session: Session, log: Log): Evaluation | undefined {
  const { data, device, config, statistics, inputs } = session
  const splits = evaluationSplits(data)
  return splits && { device, config, statistics, inputs, log, ...splits }
}

/**
 * Finds out, before anything takes long, whether an encoder can look at whole images where these have another size than
 * what it was made for.
 * @throws ConfigError where it cannot
 */
export function wantEvaluable(encoder: Encoder, { config, inputs, train, device }: Evaluation): void {
  const { height, width, channels } = train
  if (inputs.channels !== channels) {
    throw new ConfigError(`data: ${train.source} has ${channels} channels, the encoder is for ${inputs.channels}`)
  }
  if (inputs.size === height && inputs.size === width) return
  encoder.eval()
  try {
    scope(() => {
      noGrad(() => imageFeatures(encoder, zeros([1, height, width, channels], { device })))
    })
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error
    throw new ConfigError(
      `encoder: ${config.encoder}, for ${inputs.size} × ${inputs.size} pixels, cannot be evaluated on images of ` +
        `${height} × ${width}: ${error.message}. Take a resnet, or views.size ${height}`,
    )
  } finally {
    encoder.train()
  }
}

/** Accuracy of a probe on features of both splits. */
export async function probe(
  kind: Kind,
  features: readonly [FeatureSet, FeatureSet],
  evaluation: Evaluation,
): Promise<number> {
  const { device, config } = evaluation
  const { neighbours, temperature } = config.evaluation
  if (kind === 'linear') return (await linearProbe(...features, { device })).accuracy
  return knnAccuracy(...features, { device, temperature, ...(neighbours !== undefined && { neighbours }) })
}

/** Features of both splits by an encoder, in evaluation mode; the encoder goes on training afterwards. */
export async function featuresOf(encoder: Encoder, evaluation: Evaluation): Promise<[FeatureSet, FeatureSet]> {
  const { device, statistics, train, test, log } = evaluation
  const total = train.count + test.count
  encoder.eval()
  try {
    const extract = (dataset: Dataset, before: number) => {
      const onProgress = (done: number) => log.progress({ label: 'extracting features', done: before + done, total })
      return extractFeatures(encoder, dataset, { device, ...statistics, onProgress })
    }
    return [await extract(train, 0), await extract(test, train.count)]
  } finally {
    encoder.train()
  }
}

/** Features by the encoder that the run began with: its weights depend on the seed alone. */
export async function untrainedFeatures(evaluation: Evaluation): Promise<[FeatureSet, FeatureSet]> {
  const encoder = buildKept(evaluation.config, evaluation.inputs)
  try {
    return await featuresOf(encoder, evaluation)
  } finally {
    encoder.dispose()
  }
}

export function pixelsOf({ train, test }: Evaluation): [FeatureSet, FeatureSet] {
  return [pixelFeatures(train), pixelFeatures(test)]
}

type AllScores = Scores & Pick<Result, 'baselines'>

const NOTHING: Scores = { knn: null, linear: null }
export const UNMEASURED: AllScores = { ...NOTHING, baselines: { pixels: NOTHING, untrained: NOTHING } }

/** Both probes, on features of the trained encoder, of the untrained one and on pixels. */
export async function allScores(session: Session, log: Log): Promise<AllScores> {
  const evaluation = evaluationOf(session, log)
  if (!evaluation) {
    log.info('there are no labels to evaluate with: k-NN and linear probe are left out')
    return UNMEASURED
  }
  const both = async (features: readonly [FeatureSet, FeatureSet]) => ({
    knn: await probe('knn', features, evaluation),
    linear: await probe('linear', features, evaluation),
  })
  log.info('evaluating: k-NN and a linear probe (L-BFGS) on trained features, untrained features and pixels')
  const trained = await both(await featuresOf(session.method.encoder, evaluation))
  const untrained = await both(await untrainedFeatures(evaluation))
  return { ...trained, baselines: { pixels: await both(pixelsOf(evaluation)), untrained } }
}
