/** Evaluates a finished or interrupted run from its newest checkpoint. */
import { DataError } from '../device/errors.js'
import { namedTensors } from '../nn/module.js'
import { open } from '../open.js'
import type { Statistics } from './build.js'
import { newestCheckpoint } from './checkpoint.js'
import { type Config, parseConfig } from './config.js'
import { buildKept, networkInputs } from './networks.js'
import type { EvaluationOptions, EvaluationResult } from './result.js'
import { readRunConfig } from './runDirectory.js'
import { type Evaluation, evaluationSplits, featuresOf, pixelsOf, probe, untrainedFeatures } from './scores.js'
import { loadImages, writeTensors } from './session.js'

/** @throws DataError for a folder that is no run, or a data set without labels. */
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
    const evaluation: Evaluation = { device, config, statistics, log, ...splits }
    const encoder = buildKept(config, networkInputs(config, data.train, device))
    const named = (['namedParameters', 'namedBuffers'] as const).flatMap(which => namedTensors({ encoder }, which))
    writeTensors(new Map(named), checkpoint.tensors, `checkpoint ${checkpoint.step} in ${run}`)
    log.info(`${kind} on ${config.data} with the encoder of step ${checkpoint.step}`)
    return {
      run,
      kind,
      method: config.method,
      data: config.data,
      encoder: config.encoder,
      step: checkpoint.step,
      accuracy: await probe(kind, await featuresOf(encoder, evaluation), evaluation),
      baselines: {
        pixels: await probe(kind, pixelsOf(evaluation), evaluation),
        untrained: await probe(kind, await untrainedFeatures(evaluation), evaluation),
      },
    }
  } finally {
    await device.close()
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
