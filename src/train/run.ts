/** The loop around the training step: epochs, measurements, checkpoints, the result. */
import { join } from 'node:path'
import { DeviceLostError, NumericError } from '../device/errors.js'
import { newestCheckpoint, parametersHash, saveCheckpoint, writeWhole } from './checkpoint.js'
import type { Config } from './config.js'
import { curveOf, trainingSeconds } from './curve.js'
import { environmentOf, goOnAsBefore } from './environment.js'
import { History, type HistoryState } from './history.js'
import type { Log } from './log.js'
import { ownTask } from './pretext.js'
import { CollapseError, InterruptedError, type Result, type RunOptions } from './result.js'
import { createRunDirectory, LOG_FILE, RESULT_FILE } from './runDirectory.js'
import { allScores, evaluationOf, featuresOf, probe, UNMEASURED, wantEvaluable } from './scores.js'
import {
  loadImages,
  modelTensors,
  openSession,
  readTensors,
  type Session,
  stateTensors,
  writeTensors,
} from './session.js'
import { Stopwatch } from './stopwatch.js'
import { CollapseWatch } from './watch.js'

// Steps before the first look for collapse, within the first epoch of all but small data sets. Each look waits for the queue.
const FIRST_LOOK = 32
// A driver that resets twice in a row will do so a third time.
const MOST_REOPENINGS = 2
// Steps between two looks at the metrics: each drains the queue once.
const METRICS_EVERY = 32

/**
 * Trains as `config` says, evaluates, and leaves `config.json`, `log.jsonl`, checkpoints and `result.json` in
 * `options.out`. With `bench` nothing is written or evaluated, and two steps of warm-up are not timed.
 *
 * @throws ConfigError, DataError before anything is written; InterruptedError when the signal was given.
 */
export async function runTraining(config: Config, options: RunOptions): Promise<Result> {
  const { log, out, bench } = options
  const data = await loadImages(config, log)
  let session = await openSession(config, data)
  try {
    describe(session, log)
    if (!bench) {
      const evaluation = evaluationOf(session, log)
      if (evaluation) wantEvaluable(session.method.encoder, evaluation)
      await createRunDirectory(out, config, options.overwrite)
    }
    for (let reopened = 0; ; reopened++) {
      try {
        return await new Run(session, options).finish(reopened > 0)
      } catch (error) {
        if (!(error instanceof DeviceLostError) || bench || reopened === MOST_REOPENINGS) throw error
        log.warn(`${error.message}; opening it again and going on from the last checkpoint`)
        await session.close()
        session = await openSession(config, data)
      }
    }
  } finally {
    await session.close()
  }
}

function describe({ device, data, config }: Session, log: Log): void {
  const { name, software, driver } = device.info
  log.info(
    `${config.data}: ${data.train.count} images to train on${data.test ? `, ${data.test.count} to test on` : ''}`,
  )
  log.info(`${device.info.kind} on ${name}${software ? ', a software adapter' : ''} (${driver})`)
}

class Run {
  private readonly clock = new Stopwatch()
  private history = new History()
  private timedSteps = 0
  private step = 0
  private lastLoss: number | undefined
  private peakBytes: number | null = null
  private lastMetrics: Readonly<Record<string, number>> = {}
  private embedding: Result['embedding'] = null
  private readonly watch: CollapseWatch

  constructor(
    private readonly session: Session,
    private readonly options: RunOptions,
  ) {
    this.watch = new CollapseWatch(session.step, options.log, options.stopOnCollapse ?? false)
  }

  async finish(again: boolean): Promise<Result> {
    const { bench, resume, out, log } = this.options
    if (!bench) {
      if (resume || again) await this.resume()
      log.toFile(join(out, LOG_FILE), this.step)
    }
    try {
      await this.train()
    } catch (error) {
      if (error instanceof CollapseError) await this.checkpoint()
      throw error
    }
    const result = await this.result()
    if (!bench) await writeWhole(out, RESULT_FILE, `${JSON.stringify(result, null, 2)}\n`)
    return result
  }

  private async resume(): Promise<void> {
    const { out, log } = this.options
    const checkpoint = await newestCheckpoint(out, message => log.warn(message))
    if (!checkpoint) return log.info(`${out} has no checkpoint: starting from the beginning`)
    writeTensors(stateTensors(this.session), checkpoint.tensors, `checkpoint ${checkpoint.step} in ${out}`)
    this.step = checkpoint.step
    this.history = new History(checkpoint.json.history as HistoryState)
    this.lastMetrics = checkpoint.json.metrics as Record<string, number>
    this.embedding = checkpoint.json.embedding as Result['embedding']
    log.info(`going on after step ${checkpoint.step} of ${this.session.totalSteps}`)
    goOnAsBefore(this.session.device, checkpoint.json, log)
  }

  private async train(): Promise<void> {
    const { step: training, totalSteps, stepsPerEpoch, device } = this.session
    const { signal, bench } = this.options
    const begin = this.step
    // The first step compiles; it is not timed.
    const warmUp = bench ? 2 : 1
    while (this.step < totalSteps) {
      const timed = this.step - begin >= warmUp
      if (timed) this.clock.start()
      await training.run(this.step)
      this.step++
      if (timed) this.timedSteps++
      else await device.settle()
      const epochEnds = this.step % stepsPerEpoch === 0 || this.step === totalSteps
      if (epochEnds || this.step % METRICS_EVERY === 0) await this.readMetrics()
      this.showProgress()
      if (!bench && !epochEnds && this.step === FIRST_LOOK) await this.look()
      if (epochEnds) await this.endEpoch()
      if (!bench) await this.checkpointIfDue(epochEnds)
      if (signal?.aborted && !bench) {
        await this.readMetrics()
        await this.checkpoint()
        throw new InterruptedError(this.step, this.options.out)
      }
    }
    await device.settle()
    this.clock.stop()
    if (this.step > begin) this.peakBytes = device.memory().peak
  }

  private async readMetrics(): Promise<void> {
    const metrics = await this.session.step.metrics(this.step)
    const bad = metrics.find(({ loss }) => !Number.isFinite(loss))
    if (bad) {
      throw new NumericError(
        `the loss of step ${bad.step} is ${bad.loss}: start again with ${this.session.method.remedy}`,
      )
    }
    this.history.add(metrics)
    this.lastLoss = metrics.at(-1)?.loss ?? this.lastLoss
  }

  private showProgress(): void {
    const { imagesPerSecond, lastLoss, step } = this
    this.options.log.progress({
      label: 'training',
      done: step,
      total: this.session.totalSteps,
      ...(imagesPerSecond !== undefined && { imagesPerSecond }),
      ...(lastLoss !== undefined && { loss: lastLoss }),
    })
  }

  private async endEpoch(): Promise<void> {
    const { config, stepsPerEpoch, totalSteps, method } = this.session
    await this.session.device.settle()
    this.clock.stop()
    const { loss, deviation, ...metrics } = this.history.endEpoch()
    this.lastMetrics = metrics
    if (!this.options.bench) await this.look()
    const epoch = Math.ceil(this.step / stepsPerEpoch)
    const { everyEpochs } = config.evaluation
    const measured = !this.options.bench && everyEpochs > 0 && epoch % everyEpochs === 0 && this.step < totalSteps
    const knn = measured ? await this.measure() : undefined
    const { imagesPerSecond } = this
    this.options.log.epoch({
      epoch,
      epochs: Math.ceil(totalSteps / stepsPerEpoch),
      step: this.step,
      loss,
      chance: method.chance(config.batch),
      learningRate: this.session.learningRate(this.step - 1),
      deviation,
      dimension: this.session.step.embeddingDimension,
      ...(this.watch.latest && { rank: this.watch.latest.effectiveRank }),
      metrics,
      ...(imagesPerSecond !== undefined && { imagesPerSecond }),
      ...(knn !== undefined && { knn }),
    })
  }

  private async look(): Promise<void> {
    await this.session.device.settle()
    this.clock.stop()
    await this.watch.look(this.step)
    this.embedding = this.watch.embedding ?? this.embedding
  }

  private async measure(): Promise<number | undefined> {
    const evaluation = evaluationOf(this.session, this.options.log)
    return evaluation && probe('knn', await featuresOf(this.session.method.encoder, evaluation), evaluation)
  }

  private async checkpointIfDue(epochEnds: boolean): Promise<void> {
    const { config, stepsPerEpoch, totalSteps } = this.session
    const { everyEpochs, everySteps } = config.checkpoint
    const epochDue = epochEnds && everyEpochs > 0 && (this.step / stepsPerEpoch) % everyEpochs === 0
    const stepDue = everySteps !== undefined && this.step % everySteps === 0
    if (!epochDue && !stepDue && this.step < totalSteps) return
    if (!epochEnds) await this.readMetrics()
    await this.checkpoint()
  }

  private async checkpoint(): Promise<void> {
    this.clock.stop()
    const { channels, size } = this.session.inputs
    await saveCheckpoint(this.options.out, {
      step: this.step,
      tensors: await readTensors(stateTensors(this.session)),
      json: {
        history: this.history.toJSON(),
        metrics: this.lastMetrics,
        embedding: this.embedding,
        ...environmentOf(this.session.device),
        statistics: this.session.statistics,
        network: { channels, size },
        config: this.session.config,
      },
    })
  }

  /** Source images a second, while training alone goes on; `undefined` until a step was timed. */
  private get imagesPerSecond(): number | undefined {
    if (this.timedSteps === 0) return undefined
    return (this.timedSteps * this.session.config.batch) / this.clock.seconds
  }

  private async result(): Promise<Result> {
    const { config, device, method, model, totalSteps, stepsPerEpoch } = this.session
    const { first, last } = this.history.losses
    const { bench, out, log } = this.options
    const scores = bench ? UNMEASURED : await allScores(this.session, log)
    const pretext = bench ? undefined : await ownTask(this.session, log)
    const speed = { steps: totalSteps, batch: config.batch, images_per_s: this.imagesPerSecond ?? null }
    const parameters = await readTensors(modelTensors(model))
    return {
      method: method.name,
      data: config.data,
      encoder: config.encoder,
      device: device.info.kind,
      adapter: device.info.name,
      software: device.info.software,
      epochs: totalSteps / stepsPerEpoch,
      ...speed,
      seed: config.seed,
      training_seconds: trainingSeconds(speed),
      loss_first: first,
      loss_last: last,
      loss_chance: method.chance(config.batch),
      ...scores,
      pretext_accuracy: pretext ?? null,
      metrics: this.lastMetrics,
      embedding: this.embedding,
      peak_bytes: this.peakBytes,
      curve: bench ? [] : curveOf(out, scores.knn),
      compilation: device.info.kind === 'webgpu' ? device.compilation() : null,
      parameters_sha256: parametersHash(
        new Map([...parameters].map(([name, { data }]) => [name, data as Float32Array])),
      ),
      config,
    }
  }
}
