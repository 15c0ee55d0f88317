import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigError, DataError } from '../../src/device/errors.js'
import { runEvaluation } from '../../src/train/evaluate.js'
import { createLog } from '../../src/train/log.js'
import { resolveConfig, type Settings } from '../../src/train/recipes.js'
import type { EvaluationOptions } from '../../src/train/result.js'
import { runTraining } from '../../src/train/run.js'
import { writeSplits } from './pictures.js'

describe('train/evaluate: images of another size than what the encoder was trained on', () => {
  let folder: string

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'selfsame-evaluate-'))
    await writeSplits(join(folder, 'pictures'), { train: 8, test: 3, side: 24 })
    await writeSplits(join(folder, 'larger'), { train: 4, test: 2, side: 28 })
  })

  after(() => rmSync(folder, { recursive: true }))

  async function train(out: string, settings: Settings) {
    const config = resolveConfig({
      data: `folder:${join(folder, 'pictures')}`,
      device: 'cpu',
      batch: 8,
      width: 4,
      projector: [8, 4],
      epochs: 1,
      ...settings,
    })
    const log = createLog({ write: () => {} })
    const options = { out: join(folder, out), resume: false, overwrite: false, bench: false, log }
    try {
      return await runTraining(config, options)
    } finally {
      log.close()
    }
  }

  const evaluate = (out: string, options: Pick<EvaluationOptions, 'kind'> & Partial<EvaluationOptions>) => {
    const log = createLog({ write: () => {} })
    return runEvaluation({ run: join(folder, out), device: 'cpu', log, ...options }).finally(() => log.close())
  }

  const context = { method: 'context', options: { patch: 6, gap: 2, jitter: 1, each: 0, joint: [8] } }

  for (const encoder of ['alexnet', 'exemplar-small', 'resnet8']) {
    it(`${encoder}, trained on patches: features, fine-tuning, and another data set`, async () => {
      const trained = await train(encoder, { ...context, encoder })
      const data = `folder:${join(folder, 'larger')}`
      const finetune = { kind: 'finetune', labels: { count: 4 }, epochs: 2 } as const
      for (const score of [
        trained.knn,
        trained.linear,
        (await evaluate(encoder, finetune)).accuracy,
        (await evaluate(encoder, { kind: 'knn', data })).accuracy,
        (await evaluate(encoder, { ...finetune, data })).accuracy,
      ]) {
        assert.ok(score !== null && score >= 0 && score <= 1)
      }
    })
  }

  it('refuses an encoder that cannot look at whole images before it trains it, and writes nothing', async () => {
    const settings = {
      ...context,
      encoder: 'vit-tiny',
      network: { patchSize: 5, depth: 1 },
      options: { ...context.options, patch: 5 },
    }
    await assert.rejects(
      train('vit', settings),
      (error: Error) =>
        error instanceof ConfigError &&
        /^encoder: vit-tiny, for 5 × 5 pixels, cannot be evaluated on images of 24 × 24: /.test(error.message),
    )
    assert.ok(!existsSync(join(folder, 'vit')))
  })

  it('refuses images of other channels', async () => {
    await train('colours', { method: 'rotation' })
    const grey = evaluate('colours', { kind: 'knn', data: 'mnist' })
    await assert.rejects(
      grey,
      (error: Error) => error instanceof ConfigError && /has 1 channels, the encoder is for 3/.test(error.message),
    )
    await assert.rejects(evaluate('nothing', { kind: 'knn' }), DataError)
  })
})
