/** A run's parts, put together from its configuration, and its whole state as a list of tensors. */
import { type Dataset, datasetStatistics, type Splits, subset } from '../data/dataset.js'
import { DeviceDataset } from '../data/deviceDataset.js'
import { loadData } from '../data/loadData.js'
import { keepLabels, type Sampler, sampler, twoStreamSampler } from '../data/sampler.js'
import type { Device } from '../device/device.js'
import { ConfigError, DataError } from '../device/errors.js'
import { precisionFault } from '../device/precision.js'
import { OnlineProbe } from '../eval/onlineProbe.js'
import type { ModelState } from '../nn/state.js'
import { open } from '../open.js'
import { LossScale } from '../optim/lossScale.js'
import type { Optimizer } from '../optim/optimizer.js'
import type { Schedule } from '../optim/schedules.js'
import type { Method } from '../ssl/method.js'
import { Generator } from '../tensor/philox.js'
import { show } from '../tensor/shape.js'
import type { Tensor } from '../tensor/tensor.js'
import { buildMethod, buildModel, buildOptimizer, learningRateOf, type Statistics, weightDecayOf } from './build.js'
import type { Config } from './config.js'
import type { Log } from './log.js'
import { methodNamed } from './methods/index.js'
import { type NetworkInputs, networkInputs } from './networks.js'
import type { StoredTensor } from './safetensors.js'
import { stepCounter, TrainingStep } from './step.js'

export interface Session {
  readonly config: Config
  readonly device: Device
  readonly data: Splits
  /** What is trained on: images of `data.train`, or what the method makes of them. */
  readonly train: Dataset
  readonly statistics: Statistics
  /** What the networks are built for. */
  readonly inputs: NetworkInputs
  readonly method: Method
  readonly model: ModelState
  readonly optimizer: Optimizer
  /** What learns along, where it was asked for. */
  readonly probe?: OnlineProbe
  /** Where products are in float16. */
  readonly lossScale?: LossScale
  readonly step: TrainingStep
  readonly totalSteps: number
  readonly stepsPerEpoch: number
  /** Step → learning rate. */
  readonly learningRate: Schedule
  close(): Promise<void>
}

/** Loads the images that a configuration names. @throws DataError, ConfigError */
export async function loadImages(config: Config, log: Log): Promise<Splits> {
  const { data, limit, seed } = config
  const { size } = config.views
  const splits = await loadData(data, {
    seed,
    ...(limit !== undefined && { limit }),
    ...(size !== undefined && { size }),
    onProgress: (done, total) => log.progress({ label: 'reading images', done, total }),
  })
  for (const { file, reason } of splits.skipped) log.warn(`skipped ${file}: ${reason}`)
  return splits
}

/**
 * Opens the device and builds everything a run needs. Whoever opens a session closes it.
 * @throws ConfigError when there are fewer images than one batch, or the device has not the precision.
 */
export async function openSession(config: Config, data: Splits): Promise<Session> {
  const device = await open({ device: config.device, ...(config.adapter && { adapter: config.adapter }) })
  try {
    const lacking = precisionFault(config.precision, device.info)
    if (lacking) throw new ConfigError(`precision: ${lacking}`)
    return assemble(config, data, device)
  } catch (error) {
    await device.close()
    throw error
  }
}

/** @param build for tests: another method than the configuration's */
export function assemble(config: Config, data: Splits, device: Device, build = buildMethod): Session {
  const { batch, seed } = config
  const train = trainingImages(config, data.train)
  if (train.count < batch) {
    throw new ConfigError(`batch: ${train.source} has ${train.count} training images, fewer than one batch of ${batch}`)
  }
  const statistics = statisticsOf(data.train)
  const labels = knownLabels(config, train)
  const order = orderOf(config, train, labels)
  const { stepsPerEpoch } = order
  const totalSteps = config.steps ?? config.epochs * stepsPerEpoch
  const counter = stepCounter(device)
  const method = build({ config, device, train, statistics, totalSteps, stepsPerEpoch, counter })
  const model = buildModel(config, method)
  method.attach(model)
  const optimizer = buildOptimizer(config, model, method)
  const learningRate = learningRateOf(config, totalSteps, stepsPerEpoch)
  const weightDecay = weightDecayOf(config, totalSteps)
  const probe = probeOf(config, train, method, device)
  const lossScale = config.precision === 'float16' ? new LossScale(device) : undefined
  const step = new TrainingStep({
    device,
    method,
    optimizer,
    parameters: model.parameters,
    gradients: model.gradients,
    ...(config.optimizer.clip !== undefined && { clip: config.optimizer.clip }),
    batches: new DeviceDataset(device, train).reader(batch),
    sampler: order,
    ...(labels && { labels }),
    source: train,
    seed,
    precision: config.precision,
    learningRate,
    ...(weightDecay && { weightDecay }),
    counter,
    ...(probe && { probe }),
    ...(lossScale && { lossScale }),
  })
  const close = () => device.close()
  return {
    config,
    device,
    data,
    train,
    statistics,
    inputs: networkInputs(config, train, device),
    method,
    model,
    optimizer,
    ...(probe && { probe }),
    ...(lossScale && { lossScale }),
    step,
    totalSteps,
    stepsPerEpoch,
    learningRate,
    close,
  }
}

/** A classifier that learns along. @throws ConfigError where there is nothing for it to learn */
function probeOf(config: Config, { classes, source }: Dataset, { encoder }: Method, device: Device) {
  if (!config.evaluation.onlineProbe) return undefined
  if (!classes) throw new ConfigError(`evaluation.onlineProbe: ${source} has no labels for it; leave it out`)
  return new OnlineProbe({ dimension: encoder.featureDimension, classes: classes.length, device })
}

/** What is trained on: the images, those that the method makes of them, or those with a label that is known. */
function trainingImages({ method, options, labels: count, seed }: Config, images: Dataset): Dataset {
  const { dataset, onlyLabelled } = methodNamed(method)
  const train = dataset?.(options, images, new Generator(seed, 'dataset')) ?? images
  if (!onlyLabelled) return train
  const labels = knownLabels({ ...(count !== undefined && { labels: count }), seed }, train)
  const labelled = Array.from({ length: train.count }, (_, i) => i).filter(i => labels !== undefined && labels[i]! >= 0)
  return labelled.length < train.count ? subset(train, labelled) : train
}

/** The labels that a method may see. @throws ConfigError where there are fewer than are asked for, or none */
function knownLabels(
  { labels: count, seed }: Pick<Config, 'labels' | 'seed'>,
  { labels, source }: Dataset,
): Int32Array | undefined {
  if (count === undefined) return labels
  if (!labels) throw new ConfigError(`labels: wants to keep ${count} labels, and ${source} has none`)
  return keepLabels(labels, { count }, seed)
}

/** Whole batches of a permutation an epoch; where a method wants labelled images in every batch, two streams. */
function orderOf(
  { method, options, batch, seed }: Config,
  { count }: Dataset,
  labels: Int32Array | undefined,
): Sampler {
  const labelledPerBatch = methodNamed(method).labelledPerBatch?.(options)
  if (labelledPerBatch === undefined) return sampler({ count, batch, seed })
  const images = Array.from({ length: count }, (_, i) => i)
  const known = (image: number) => labels !== undefined && labels[image]! >= 0
  const labelled = Int32Array.from(images.filter(known))
  const unlabelled = Int32Array.from(images.filter(image => !known(image)))
  return twoStreamSampler({ labelled, unlabelled, batch, labelledPerBatch, seed })
}

/** @throws DataError for a channel that is the same everywhere: there is nothing to see in it. */
export function statisticsOf(train: Dataset): Statistics {
  const statistics = datasetStatistics(train)
  const flat = statistics.std.findIndex(deviation => !(deviation > 0))
  if (flat >= 0) throw new DataError(`${train.source}: channel ${flat} has the same value in every image`)
  return statistics
}

/**
 * Parameters and buffers by name: what a model is, and what its hash is taken of. Those that are frozen (a ViT's
 * `frozenPatches`) are part of it: an evaluation fills the whole encoder from a checkpoint.
 */
export function modelTensors({ parameters, frozen, buffers }: ModelState): Map<string, Tensor> {
  const slots = [...parameters.slots, ...(buffers?.slots ?? [])].map(({ name, tensor }) => [name, tensor] as const)
  return new Map([...slots, ...frozen])
}

/** Every tensor of the training state: the model, the optimiser's moments and what the method keeps beside them. */
export function stateTensors({ model, optimizer, method, probe, lossScale }: Session): Map<string, Tensor> {
  const all = modelTensors(model)
  for (const [name, tensor] of optimizer.state()) all.set(`optimizer.${name}`, tensor)
  for (const [name, tensor] of method.state()) all.set(`method.${name}`, tensor)
  for (const [name, tensor] of probe?.state() ?? []) all.set(`probe.${name}`, tensor)
  for (const [name, tensor] of lossScale?.state() ?? []) all.set(`lossScale.${name}`, tensor)
  return all
}

/** Copies tensors to the host: every read is queued before the first is awaited, so all are of one moment. */
export async function readTensors(tensors: ReadonlyMap<string, Tensor>): Promise<Map<string, StoredTensor>> {
  const reads = [...tensors].map(async ([name, tensor]): Promise<[string, StoredTensor]> => {
    return [name, { dtype: tensor.dtype, shape: tensor.shape, data: await tensor.data() }]
  })
  return new Map(await Promise.all(reads))
}

/** Writes saved values into tensors. @throws DataError unless all names and shapes fit; then nothing is written. */
export function writeTensors(
  tensors: ReadonlyMap<string, Tensor>,
  saved: ReadonlyMap<string, StoredTensor>,
  source: string,
): void {
  for (const [name, tensor] of tensors) {
    const found = saved.get(name)
    if (!found) throw new DataError(`${source} has no tensor ${name}`)
    if (found.dtype !== tensor.dtype || show(found.shape) !== show(tensor.shape)) {
      const [wanted, got] = [tensor, found].map(({ dtype, shape }) => `${dtype} ${show(shape)}`)
      throw new DataError(`${source}: ${name} wants ${wanted}, got ${got}`)
    }
  }
  for (const [name, tensor] of tensors) tensor.write(saved.get(name)!.data)
}
