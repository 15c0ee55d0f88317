/** Evaluates a finished or interrupted run from its newest checkpoint. */
import { ConfigError, DataError } from '../device/errors.js'
import type { FeatureSet } from '../eval/featureSet.js'
import { cropAndFlip, type FinetuneResult, finetune } from '../eval/finetune.js'
import { type KmeansScore, kmeansAccuracy } from '../eval/kmeans.js'
import { namedTensors } from '../nn/module.js'
import { open } from '../open.js'
import type { Encoder } from '../ssl/method.js'
import { type Statistics, viewsOf } from './build.js'
import { newestCheckpoint } from './checkpoint.js'
import { type Config, parseConfig } from './config.js'
import { buildKept, type NetworkInputs, networkInputs } from './networks.js'
import type { EvaluationOptions, EvaluationResult } from './result.js'
import { readRunConfig } from './runDirectory.js'
import {
  type Evaluation,
  evaluationSplits,
  featuresOf,
  type Kind,
  pixelsOf,
  probe,
  untrainedFeatures,
  wantEvaluable,
} from './scores.js'
import { loadImages, writeTensors } from './session.js'

/** What an evaluation finds out, of all that its result says. */
type Findings = Omit<EvaluationResult, 'run' | 'kind' | 'method' | 'data' | 'encoder' | 'step'>

/** Of what a checkpoint says its networks were built for. */
type Size = Pick<NetworkInputs, 'channels' | 'size'>

/** @throws DataError for a folder that is no run, or a data set without labels; ConfigError for an option out of range */
export async function runEvaluation(options: EvaluationOptions): Promise<EvaluationResult> {
  const { run, kind, log } = options
  const saved = readRunConfig(run)
  if (saved === undefined) throw new DataError(`${run} is not the folder of a run: it has no config.json`)
  const trained = parseConfig(saved)
  const config = overridden(trained, options)
  const checkpoint = await newestCheckpoint(run, message => log.warn(message))
  if (!checkpoint) throw new DataError(`${run} has no checkpoint to evaluate`)
  const data = await loadImages(config, log)
  const splits = evaluationSplits(data)
  if (!splits) throw new DataError(`${config.data} has no labels in both a training and a test split to evaluate with`)
  const device = await open({ device: config.device, ...(config.adapter && { adapter: config.adapter }) })
  try {
    // Images are normalised as the encoder saw them in training, whatever they are.
    const statistics = checkpoint.json.statistics as Statistics
    // And the encoder is the one that was trained, whatever size they have. Older checkpoints do not say which.
    const { channels, size } =
      (checkpoint.json.network as Size | undefined) ?? networkInputs(config, data.train, device)
    const evaluation: Evaluation = { device, config, statistics, inputs: { channels, size, device }, log, ...splits }
    const encoder = buildKept(config, evaluation.inputs)
    const named = (['namedParameters', 'namedBuffers'] as const).flatMap(which => namedTensors({ encoder }, which))
    writeTensors(new Map(named), checkpoint.tensors, `checkpoint ${checkpoint.step} in ${run}`)
    wantEvaluable(encoder, evaluation)
    log.info(`${kind} on ${config.data} with the encoder of step ${checkpoint.step}`)
    const { method, encoder: network, data: source } = config
    const found = await findings(encoder, evaluation, options)
    return { run, kind, method, data: source, encoder: network, step: checkpoint.step, ...found }
  } finally {
    await device.close()
  }
}

function findings(encoder: Encoder, evaluation: Evaluation, options: EvaluationOptions): Promise<Findings> {
  switch (options.kind) {
    case 'knn':
    case 'linear':
      return probed(options.kind, encoder, evaluation)
    case 'kmeans':
      return clustered(encoder, evaluation, options)
    case 'finetune':
      return finetuned(encoder, evaluation, options)
  }
}

/** The same measurement of the trained encoder's features, the untrained one's, and the pixels. */
async function threefold<Score>(
  encoder: Encoder,
  evaluation: Evaluation,
  measure: (features: readonly [FeatureSet, FeatureSet]) => Promise<Score>,
): Promise<{ trained: Score; pixels: Score; untrained: Score }> {
  return {
    trained: await measure(await featuresOf(encoder, evaluation)),
    pixels: await measure(pixelsOf(evaluation)),
    untrained: await measure(await untrainedFeatures(evaluation)),
  }
}

async function probed(kind: Kind, encoder: Encoder, evaluation: Evaluation): Promise<Findings> {
  const measure = (features: readonly [FeatureSet, FeatureSet]) => probe(kind, features, evaluation)
  const { trained, pixels, untrained } = await threefold(encoder, evaluation, measure)
  return { accuracy: trained, baselines: { pixels, untrained } }
}

async function clustered(encoder: Encoder, evaluation: Evaluation, options: EvaluationOptions): Promise<Findings> {
  const { device, config } = evaluation
  const { clusters, seed = config.seed } = options
  const measure = ([train, test]: readonly [FeatureSet, FeatureSet]): Promise<KmeansScore> =>
    kmeansAccuracy(train, test, { device, seed, ...(clusters !== undefined && { clusters }) })
  const { trained, pixels, untrained } = await threefold(encoder, evaluation, measure)
  return {
    accuracy: trained.accuracy,
    baselines: { pixels: pixels.accuracy, untrained: untrained.accuracy },
    nmi: { trained: trained.nmi, pixels: pixels.nmi, untrained: untrained.nmi },
    seed,
  }
}

async function finetuned(encoder: Encoder, evaluation: Evaluation, options: EvaluationOptions): Promise<Findings> {
  const { device, config, statistics, inputs, train, test, log } = evaluation
  const { labels, epochs, batch, learningRate, seed = config.seed } = options
  if (!labels) throw new ConfigError('finetune: wants the number of labels to learn from')
  // Whole images, also where the encoder was trained on parts.
  const [view] = viewsOf(config, config.views.size ?? train.height, statistics)
  const run = (network: Encoder, label: string): Promise<FinetuneResult> =>
    finetune(network, train, test, {
      device,
      ...statistics,
      view: cropAndFlip(view),
      labels,
      ...(epochs !== undefined && { epochs }),
      ...(batch !== undefined && { batch }),
      ...(learningRate !== undefined && { learningRate }),
      seed,
      precision: config.precision,
      onProgress: (done, total) => log.progress({ label, done, total }),
    })
  const trained = await run(encoder, 'fine-tuning')
  const fresh = buildKept(config, inputs)
  const untrained = await run(fresh, 'training from the beginning')
  fresh.dispose()
  const { accuracy, labels: count, epochs: done, batch: images } = trained
  return {
    accuracy,
    baselines: { pixels: null, untrained: untrained.accuracy },
    labels: count,
    epochs: done,
    batch: images,
    seed,
  }
}

/** The run's configuration with what the evaluation changes of it. */
function overridden(config: Config, { data, device, adapter, neighbours, temperature }: EvaluationOptions): Config {
  return {
    ...config,
    ...(data !== undefined && { data }),
    device,
    ...(adapter !== undefined && { adapter }),
    evaluation: {
      ...config.evaluation,
      ...(neighbours !== undefined && { neighbours }),
      ...(temperature !== undefined && { temperature }),
    },
  }
}
