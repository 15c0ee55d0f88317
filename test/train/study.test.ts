import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigError, DataError } from '../../src/device/errors.js'
import { readResult, trainingSeconds } from '../../src/train/curve.js'
import { createLog } from '../../src/train/log.js'
import { InterruptedError, type Result } from '../../src/train/result.js'
import { runStudy, StudyError, wantAll } from '../../src/train/study.js'
import { writePictures } from './pictures.js'

describe('train/study', () => {
  let folder: string
  let out: string
  let said: string[]

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'selfsame-study-'))
    out = join(folder, 'study')
    for (const label of ['a', 'b']) {
      await writePictures(join(folder, 'pictures', 'train', label), 8)
      await writePictures(join(folder, 'pictures', 'test', label), 4)
    }
  })

  after(() => rmSync(folder, { recursive: true }))

  function study(names: readonly string[], settings: object = {}, stop?: { readonly in: string }) {
    said = []
    const controller = new AbortController()
    const log = createLog({
      write(text) {
        said.push(text)
        if (stop && text.includes(stop.in)) controller.abort()
      },
    })
    const shared = {
      data: `folder:${join(folder, 'pictures')}`,
      device: 'cpu',
      batch: 8,
      width: 4,
      projector: [8, 4],
      epochs: 2,
      evaluation: { everyEpochs: 1 },
      ...settings,
    }
    const runs = names.map(name => ({ name, settings: { ...shared, method: name } }))
    return runStudy(runs, { out, log, signal: controller.signal }).finally(() => log.close())
  }

  it('goes on after a run that fails, says why, and has no StudyError for what is whole', async () => {
    const outcomes = await study(['simclr', 'mae', 'supervised'])
    assert.deepEqual(
      outcomes.map(({ name, result, error }) => [name, result?.method ?? error?.split(':')[0]]),
      [
        ['simclr', 'simclr'],
        ['mae', 'encoder'],
        ['supervised', 'supervised'],
      ],
    )
    assert.match(outcomes[1]!.error!, /^encoder: mae wants a vision transformer/)
    assert.throws(
      () => wantAll(outcomes),
      (error: unknown) => error instanceof StudyError && error.message.startsWith('1 of 3 runs failed: mae;'),
    )
    wantAll([outcomes[0]!, outcomes[2]!])
  })

  it('takes what is done from its folder, whatever else is asked for', async () => {
    const before = readFileSync(join(out, 'simclr', 'result.json'), 'utf8')
    const [simclr, byol] = await study(['simclr', 'byol'])
    assert.match(said.join(''), /1 of 2: simclr is done already/)
    assert.deepEqual(JSON.parse(JSON.stringify(simclr!.result)), JSON.parse(before))
    assert.equal(readFileSync(join(out, 'simclr', 'result.json'), 'utf8'), before)
    assert.equal(byol!.result!.method, 'byol')
    assert.ok(existsSync(join(out, 'supervised', 'result.json')))
  })

  it('has in a result one point of the curve an epoch, the last with the final k-NN, and the time of all steps', () => {
    const { curve, knn, steps, images_per_s, training_seconds } = readResult(join(out, 'simclr'))!
    assert.deepEqual(
      curve.map(({ epoch, step }) => [epoch, step]),
      [
        [1, 2],
        [2, 4],
      ],
    )
    assert.ok(curve.every(({ loss, deviation, knn }) => loss > 0 && deviation > 0 && knn !== null))
    assert.equal(curve[1]!.knn, knn)
    assert.equal(training_seconds, (steps * 8) / images_per_s!)
    assert.equal(trainingSeconds({ steps: 4, batch: 8, images_per_s: null }), null)
  })

  it('reads a result that has no curve with that of its log, and none where a run is not done', () => {
    const whole = readResult(join(out, 'simclr'))!
    const { curve: _, training_seconds: __, ...older } = whole
    const copy = join(folder, 'older')
    mkdirSync(copy)
    writeFileSync(join(copy, 'result.json'), JSON.stringify(older satisfies Partial<Result>))
    writeFileSync(join(copy, 'log.jsonl'), readFileSync(join(out, 'simclr', 'log.jsonl')))
    assert.deepEqual(readResult(copy), whole)
    assert.equal(readResult(join(folder, 'pictures')), undefined)
  })

  it('ends with a checkpoint at a signal, and goes on from there', async () => {
    const stopped = study(['supervised', 'simsiam', 'dcl'], {}, { in: 'epoch 1/2' })
    await assert.rejects(
      stopped,
      (error: unknown) =>
        error instanceof InterruptedError && error.message === 'stopped after step 2; go on with: the same command',
    )
    assert.ok(!existsSync(join(out, 'dcl')))
    const outcomes = await study(['supervised', 'simsiam', 'dcl'])
    assert.match(said.join(''), /going on after step 2 of 4/)
    wantAll(outcomes)
  })

  it('ends before anything is run where a setting is wrong or the images cannot be read', async () => {
    await assert.rejects(study(['vicreg', 'simclr'], { batch: 4 }), ConfigError)
    await assert.rejects(study(['vicreg'], { data: `folder:${join(folder, 'nowhere')}` }), ConfigError)
    await assert.rejects(study(['vicreg', 'barlow'], { data: `folder:${out}` }), DataError)
    for (const name of ['vicreg', 'barlow']) assert.ok(!existsSync(join(out, name)), name)
  })
})
