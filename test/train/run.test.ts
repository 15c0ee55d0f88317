import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NumericError } from '../../src/device/errors.js'
import { currentDevice } from '../../src/tensor/context.js'
import { runEvaluation } from '../../src/train/evaluate.js'
import { createLog, type Log } from '../../src/train/log.js'
import { resolveConfig, type Settings } from '../../src/train/recipes.js'
import { InterruptedError, type Result, type RunOptions } from '../../src/train/result.js'
import { runTraining } from '../../src/train/run.js'
import { gpuOf } from '../device/webgpu/spy.js'
import { writePictures, writeSplits } from './pictures.js'

/** Runs `body` with variables of the environment set, and puts back what they were. */
async function withEnvironment<T>(variables: Readonly<Record<string, string>>, body: () => Promise<T>): Promise<T> {
  const before = { ...process.env }
  Object.assign(process.env, variables)
  try {
    return await body()
  } finally {
    for (const name of Object.keys(variables)) {
      if (before[name] === undefined) delete process.env[name]
      else process.env[name] = before[name]
    }
  }
}

describe('train/run: a run', () => {
  let folder: string
  let said: string[]

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'selfsame-run-'))
    await writeSplits(join(folder, 'labelled'), { train: 12, test: 4 })
    await writePictures(join(folder, 'unlabelled'), 20)
  })

  beforeEach(() => {
    said = []
  })

  after(() => rmSync(folder, { recursive: true }))

  function quiet(): Log {
    return createLog({ write: text => said.push(text) })
  }

  /** Three steps an epoch; k-NN after every epoch. */
  async function train(out: string, settings: Settings = {}, options: Partial<RunOptions> = {}): Promise<Result> {
    const config = resolveConfig({
      data: `folder:${join(folder, 'labelled')}`,
      batch: 8,
      width: 4,
      projector: [8, 4],
      epochs: 3,
      evaluation: { everyEpochs: 1 },
      ...settings,
    })
    const log = options.log ?? quiet()
    try {
      return await runTraining(config, {
        out: join(folder, out),
        resume: false,
        overwrite: false,
        bench: false,
        ...options,
        log,
      })
    } finally {
      log.close()
    }
  }

  const records = (out: string) =>
    readFileSync(join(folder, out, 'log.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line) as Record<string, unknown>)
  const epochs = (out: string) =>
    records(out)
      .filter(({ kind }) => kind === 'epoch')
      .map(({ epoch, step, loss, deviation, knn }) => ({ epoch, step, loss, deviation, knn }))

  it('says in its log what happened in every epoch, and in its result what came of it', async () => {
    const result = await train('whole')
    assert.deepEqual(
      epochs('whole').map(({ epoch, step, knn }) => [epoch, step, typeof knn]),
      // The last epoch is measured with everything else at the end.
      [
        [1, 3, 'number'],
        [2, 6, 'number'],
        [3, 9, 'undefined'],
      ],
    )
    assert.deepEqual([result.steps, result.epochs, result.loss_chance], [9, 3, Math.log(15)])
    assert.deepEqual([result.loss_first, result.loss_last], [epochs('whole')[0]!.loss, epochs('whole')[2]!.loss])
    for (const scores of [result, result.baselines.pixels, result.baselines.untrained]) {
      assert.ok(scores.knn! >= 0 && scores.knn! <= 1 && scores.linear! >= 0 && scores.linear! <= 1)
    }
    assert.ok(result.images_per_s! > 0)
    assert.match(
      said.join(''),
      /epoch 1\/3 {2}loss \d\.\d{4} \(chance 2\.7081\) {2}k-NN 0\.\d+ {2}std 0\.\d+ \(1\/√d 0\.5000\)/,
    )
  })

  it('opens a lost device again and ends with the same bits', async () => {
    const whole = await train('undisturbed', { device: 'webgpu' })
    const log = quiet()
    let losses = 0
    const result = await train(
      'lost',
      { device: 'webgpu' },
      {
        log: {
          ...log,
          epoch(record) {
            log.epoch(record)
            if (losses++ === 1) gpuOf(currentDevice()).destroy()
          },
        },
      },
    )
    assert.match(
      said.join(''),
      /the device was lost .* going on from the last checkpoint\ngoing on after step [36] of 9\n/,
    )
    assert.equal(result.parameters_sha256, whole.parameters_sha256)
    assert.deepEqual(epochs('lost'), epochs('undisturbed'))
    assert.throws(currentDevice, /no device is open/)
  })

  it('stops at a signal, in the middle of an epoch, and goes on to the same bits', async () => {
    const whole = await train('unstopped')
    const stop = new AbortController()
    const log = quiet()
    const interrupted = train(
      'stopped',
      {},
      {
        signal: stop.signal,
        log: {
          ...log,
          progress(state) {
            log.progress(state)
            if (state.label === 'training' && state.done === 5) stop.abort()
          },
        },
      },
    )
    await assert.rejects(interrupted, (error: unknown) => error instanceof InterruptedError && error.step === 5)
    assert.ok(!existsSync(join(folder, 'stopped', 'result.json')))
    const result = await train('stopped', {}, { resume: true })
    assert.ok(whole.peak_bytes! > 0)
    const unmeasured = { images_per_s: null, training_seconds: null, peak_bytes: null }
    assert.deepEqual({ ...result, ...unmeasured }, { ...whole, ...unmeasured })
    assert.deepEqual(epochs('stopped'), epochs('unstopped'))
  })

  it('taken up when nothing is left to do gives the same result again, without a rate and a peak', async () => {
    const whole = await train('done')
    const again = await train('done', {}, { resume: true })
    assert.deepEqual(again, { ...whole, images_per_s: null, training_seconds: null, peak_bytes: null })
    assert.deepEqual(JSON.parse(readFileSync(join(folder, 'done', 'result.json'), 'utf8')), again)
  })

  it('records what its bits depend on, and says what is another when it is taken up', async () => {
    const settings = { device: 'cpu', steps: 2 }
    await withEnvironment({ SELFSAME_THREADS: '2' }, () => train('cpu', settings))
    const { json } = JSON.parse(readFileSync(join(folder, 'cpu', 'checkpoint-2.json'), 'utf8')) as {
      json: { environment: { adapter: string; driver: string; features: string } }
    }
    const { environment } = json
    assert.match(environment.driver, /^oneDNN \d+\.\d+\.\d+, 2 threads$/)
    assert.ok(environment.adapter.length > 0)
    // Winograd's algorithm is among the plans where the processor has what it needs.
    const planned = environment.features.split(' ')
    assert.equal(planned.includes('winograd'), planned.includes('avx512'))
    const warnings = () => said.join('').match(/\w+ was .* no longer bit-identical/g) ?? []
    await withEnvironment({ SELFSAME_THREADS: '2' }, () => train('cpu', settings, { resume: true }))
    assert.deepEqual(warnings(), [])
    const other = { SELFSAME_THREADS: '1', SELFSAME_WINOGRAD: '0' }
    await withEnvironment(other, () => train('cpu', settings, { resume: true }))
    assert.match(warnings().join(), /driver was oneDNN [\d.]+, 2 threads and is oneDNN [\d.]+, 1 thread:/)
    assert.equal(/features was .*winograd and is/.test(warnings().join()), planned.includes('winograd'))
  })

  it('keeps the plans of its checkpoint, and says where another was found since', async () => {
    const settings = { device: 'cpu', steps: 2 }
    const shape = 'matmul a b k=8 m=8 n=8 out'
    // As a device does that tunes.
    const tuned = (plan: string) => {
      const log = quiet()
      const info = (message: string) => {
        currentDevice().plans.set(shape, plan)
        log.info(message)
      }
      return { ...log, info }
    }
    await train('planned', settings, { log: tuned('one') })
    const { json } = JSON.parse(readFileSync(join(folder, 'planned', 'checkpoint-2.json'), 'utf8'))
    assert.deepEqual(json.plans, { [shape]: 'one' })
    await train('planned', settings, { resume: true, log: tuned('one') })
    assert.doesNotMatch(said.join(''), /found since/)
    await train('planned', settings, { resume: true, log: tuned('another') })
    assert.match(said.join(''), /the plan of matmul a b k=8 m=8 n=8 out is one as in the checkpoint, where another was/)
  })

  it('may be shorter than an epoch, or a step long', async () => {
    const two = await train('two', { steps: 2 })
    assert.deepEqual([two.steps, two.epochs, two.loss_first], [2, 2 / 3, two.loss_last])
    assert.ok(two.images_per_s! > 0)
    const one = await train('one', { steps: 1 })
    assert.equal(one.images_per_s, null)
    assert.ok(!readFileSync(join(folder, 'one', 'log.jsonl'), 'utf8').includes('"imagesPerSecond"'))
    assert.doesNotMatch(said.join(''), /NaN|Infinity/)
    const bench = await train('none', { steps: 2 }, { bench: true })
    assert.deepEqual([bench.images_per_s, bench.knn], [null, null])
    assert.equal(bench.parameters_sha256, two.parameters_sha256)
    assert.ok(!existsSync(join(folder, 'none')))
  })

  it('trains without labels, and measures nothing', async () => {
    const data = `folder:${join(folder, 'unlabelled')}`
    const result = await train('bare', { data, epochs: 1 })
    const nothing = { knn: null, linear: null }
    assert.deepEqual([result.knn, result.linear], [null, null])
    assert.deepEqual(result.baselines, { pixels: nothing, untrained: nothing })
    assert.match(said.join(''), /there are no labels to evaluate with/)
    const evaluated = runEvaluation({ run: join(folder, 'bare'), kind: 'knn', device: 'auto', log: quiet() })
    await assert.rejects(evaluated, { name: 'DataError', message: /has no labels/ })
  })

  it('asks a method its own task on the test images, where it has one and they are there', async () => {
    const asked = await train('turns', { method: 'rotation', epochs: 1 })
    // 8 test images, turned four ways.
    assert.ok(Number.isInteger(32 * asked.pretext_accuracy!) && asked.pretext_accuracy! <= 1)
    assert.match(said.join(''), /evaluating rotation at its own task on 8 test images/)
    assert.equal((await train('contrasts', { epochs: 1 })).pretext_accuracy, null)
    const data = `folder:${join(folder, 'unlabelled')}`
    assert.equal((await train('untested', { method: 'rotation', data, epochs: 1 })).pretext_accuracy, null)
    assert.equal((await train('timed', { method: 'rotation', steps: 2 }, { bench: true })).pretext_accuracy, null)
  })

  it('evaluates on another data set, also on one smaller than a batch', async () => {
    await train('large', { batch: 16, epochs: 1 })
    const data = join(folder, 'small')
    await writeSplits(data, { train: 4, test: 1 })
    const options = { run: join(folder, 'large'), kind: 'knn', device: 'auto', log: quiet() } as const
    const { accuracy, step, data: evaluated } = await runEvaluation({ ...options, data: `folder:${data}` })
    assert.ok(accuracy >= 0 && accuracy <= 1)
    assert.deepEqual([step, evaluated], [1, `folder:${data}`])
  })

  it('stops where the loss is no number, and writes no checkpoint of it', async () => {
    await assert.rejects(
      train('diverged', { epochs: 40, optimizer: { learningRate: 1e30 }, schedule: { form: 'constant', warmup: 0 } }),
      (error: unknown) =>
        error instanceof NumericError && /the loss of step \d+ is NaN: start again/.test(error.message),
    )
    assert.ok(!existsSync(join(folder, 'diverged', 'result.json')))
    const whitened = { method: 'wmse', projector: [8, 2], options: { sliceSize: 4 } }
    await assert.rejects(train('white', { ...whitened, epochs: 40, optimizer: { learningRate: 1e30 } }), {
      name: 'NumericError',
      message: /is NaN: start again with options\.epsilon above 0/,
    })
  })

  it('refuses less than a batch of images, and writes nothing', async () => {
    await assert.rejects(train('few', { batch: 64 }), {
      name: 'ConfigError',
      message: `batch: folder:${join(folder, 'labelled')} has 24 training images, fewer than one batch of 64`,
    })
    assert.ok(!existsSync(join(folder, 'few')))
  })
})
