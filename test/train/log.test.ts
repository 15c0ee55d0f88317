import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLog, type EpochRecord } from '../../src/train/log.js'
import { formatDuration, formatRate, Progress } from '../../src/train/progress.js'

/** A stream that remembers. */
function stream(isTTY: boolean, columns = 200) {
  const written: string[] = []
  return { isTTY, columns, written, write: (text: string) => written.push(text) }
}

const EPOCH: EpochRecord = {
  epoch: 3,
  epochs: 10,
  step: 105,
  loss: 4.81234,
  chance: Math.log(511),
  learningRate: 0.06,
  deviation: 0.08011,
  dimension: 128,
  imagesPerSecond: 1234.4,
  knn: 0.882,
}

describe('train/progress: how far it is', () => {
  const state = (done: number) => ({ label: 'training', done, total: 200, imagesPerSecond: 41.23, loss: 5.5 })

  it('redraws one line on a terminal, at most ten times a second, with rate and time left', () => {
    const terminal = stream(true)
    let now = 0
    const progress = new Progress(terminal, () => now)
    progress.update(state(0))
    now = 50
    progress.update(state(10))
    assert.equal(terminal.written.length, 1)
    now = 10_000
    progress.update(state(50))
    assert.equal(
      terminal.written[1],
      '\r\x1b[Ktraining ██████░░░░░░░░░░░░░░░░░░ 25 %  50/200  loss 5.5000  41.2 images/s  30 s left',
    )
    now = 10_001
    progress.update(state(200))
    assert.equal(terminal.written[2], '\r\x1b[K', 'gone when done')
    progress.close()
    assert.equal(terminal.written.length, 3)
  })

  it('never wraps, and prints lines above the bar', () => {
    const terminal = stream(true, 20)
    const progress = new Progress(terminal, () => 0)
    progress.update(state(50))
    const bar = terminal.written[0]!
    assert.equal(bar.length, '\r\x1b[K'.length + 19)
    progress.print('hello')
    assert.equal(terminal.written[1], `\r\x1b[Khello\n${bar.slice(4)}`)
    progress.close()
    assert.equal(terminal.written[2], '\r\x1b[K')
  })

  it('says a plain line every 15 seconds elsewhere', () => {
    const file = stream(false)
    let now = 0
    const progress = new Progress(file, () => now)
    for (now = 0; now <= 40_000; now += 100) progress.update(state(now / 400))
    assert.equal(file.written.length, 2)
    assert.match(file.written[0]!, /^training 18 % .* left\n$/)
    assert.ok(file.written.every(text => !text.includes('\x1b')))
    progress.close()
    assert.equal(file.written.length, 2)
  })

  it('writes rates and times as people do', () => {
    assert.deepEqual([3.456, 41.23, 99.96, 1234.4].map(formatRate), ['3.46', '41.2', '100', '1234'])
    assert.deepEqual([0.4, 59.6, 185, 7620].map(formatDuration), ['0 s', '1 min 00 s', '3 min 05 s', '2 h 07 min'])
  })
})

describe('train/log: what a run says', () => {
  let folder: string
  let path: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'selfsame-log-'))
    path = join(folder, 'log.jsonl')
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  const records = () =>
    readFileSync(path, 'utf8')
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line) as Record<string, unknown>)

  it('shows the loss beside chance, k-NN where measured, std beside 1/√d, and images a second', () => {
    const file = stream(false)
    const log = createLog(file)
    log.epoch(EPOCH)
    const { knn, ...without } = EPOCH
    log.epoch(without)
    assert.deepEqual(file.written, [
      `epoch  3/10  loss 4.8123 (chance 6.2364)  k-NN ${knn!.toFixed(4)}  std 0.0801 (1/√d 0.0884)  1234 images/s\n`,
      'epoch  3/10  loss 4.8123 (chance 6.2364)  std 0.0801 (1/√d 0.0884)  1234 images/s\n',
    ])
  })

  it('writes one JSON object a line, with what was said before there was a file', () => {
    const log = createLog(stream(false))
    log.info('before')
    log.toFile(path, 0)
    log.warn('after')
    log.epoch(EPOCH)
    log.record('knn', { step: 3, accuracy: 0.5 })
    log.close()
    assert.deepEqual(
      records().map(({ time, ...rest }) => ({ ...rest, dated: !Number.isNaN(Date.parse(String(time))) })),
      [
        { kind: 'info', message: 'before', dated: true },
        { kind: 'warning', message: 'after', dated: true },
        { kind: 'epoch', ...EPOCH, dated: true },
        { kind: 'knn', step: 3, accuracy: 0.5, dated: true },
      ],
    )
  })

  it('continues a file without later steps and without a line that was cut', () => {
    writeFileSync(path, '{"kind":"info"}\n{"kind":"epoch","step":5}\n{"kind":"epoch","step":10}\n{"kind":"ep')
    const log = createLog(stream(false))
    log.toFile(path, 5)
    log.record('epoch', { step: 6 })
    log.close()
    assert.deepEqual(
      records().map(({ step }) => step),
      [undefined, 5, 6],
    )
  })
})
