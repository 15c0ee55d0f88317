import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { caseOf, type Spec } from '../../bench/case.js'
import { peerNames } from '../../bench/peers/open.js'
import { type CaseResult, schema } from '../../bench/record.js'
import { runBenchmark } from '../../bench/run.js'
import { ConfigError } from '../../src/device/errors.js'
import type { Log } from '../../src/train/log.js'

const SMALL: readonly Spec[] = [
  { op: 'matmul', m: 16, k: 8, n: 12 },
  { op: 'conv2d', batch: 1, size: 4, from: 4, to: 8 },
  { op: 'conv2dBackwardData', batch: 1, size: 4, from: 4, to: 8 },
  { op: 'conv2dBackwardFilter', batch: 1, size: 4, from: 4, to: 8 },
  { op: 'maxPool2d', batch: 1, size: 4, channels: 4 },
  { op: 'softmax', rows: 4, columns: 10 },
  { op: 'batchNorm', batch: 2, size: 4, channels: 4 },
  { op: 'relu', batch: 1, size: 4, channels: 4 },
  { op: 'add', batch: 1, size: 4, channels: 4 },
  { op: 'ntXent', rows: 8, columns: 16 },
  { op: 'ema', tensors: 2, width: 16 },
  { op: 'sgd', tensors: 2, width: 16 },
  { op: 'adamw', tensors: 2, width: 16 },
  { op: 'lars', tensors: 2, width: 16 },
  { op: 'augment', batch: 2, size: 8, channels: 3 },
  { op: 'similarityTopK', rows: 4, keys: 100, columns: 16, k: 5 },
]

const silent: Log = {
  info() {},
  warn() {},
  progress() {},
  epoch() {},
  record() {},
  toFile() {},
  close() {},
}

const options = {
  suite: 'ops',
  device: 'webgpu',
  peers: [],
  requireHardware: false,
  version: '0.0.0',
  sampling: { sampleMs: 1, rounds: 3, budgetMs: 1000 },
  log: silent,
} as const

describe('bench: a run', () => {
  it('measures every op without a peer, and the record keeps to its schema', async () => {
    const record = await runBenchmark({ ...options, cases: SMALL.map(caseOf) })
    assert.deepEqual(schema.parse(JSON.parse(JSON.stringify(record))), record)
    assert.deepEqual(
      record.cases.map(({ op }) => op),
      SMALL.map(({ op }) => op),
    )
    assert.deepEqual(record.left_out, [])
    for (const { op, median_ms, gpu_ms, host_ms, gb_s, roofline_share, objects, peers } of record.cases) {
      assert.ok(median_ms > 0 && gb_s! > 0 && roofline_share! > 0 && roofline_share! < 1, op)
      assert.ok(gpu_ms! > 0 && host_ms! > 0, `${op}: ${gpu_ms} ms by the device's clock, ${host_ms} ms of the host`)
      assert.ok(objects !== null && objects > 0 && objects < 40, `${op} makes ${objects} GPU objects a run`)
      assert.deepEqual(peers, {})
    }
    assert.ok(record.roofline.copy_gb_s > 0.1 && record.roofline.fma_gflops > 1)
    assert.ok(record.toggles.includes('allow_unsafe_apis'))
    assert.ok(record.limits.maxBindingBytes! > 0)
  })

  it('measures whole training steps: images a second, and how long the host worked', async () => {
    const spec: Spec = { op: 'simclr', encoder: 'resnet8', batch: 4, size: 8, channels: 3 }
    const record = await runBenchmark({ ...options, device: 'cpu', cases: [caseOf(spec)] })
    assert.deepEqual(schema.parse(JSON.parse(JSON.stringify(record))), record)
    assert.equal(record.compilation, null)
    const [{ shape, median_ms, host_ms, images_per_s, gflops, roofline_share }] = record.cases as [CaseResult]
    assert.equal(shape, 'resnet8 4x8x8x3')
    assert.ok(Math.abs(images_per_s! * median_ms - 4000) < 1e-6)
    assert.ok(host_ms! > 0 && host_ms! < 3 * median_ms, `${host_ms} of ${median_ms} ms`)
    assert.deepEqual([gflops, roofline_share], [null, null])
  })

  it('leaves out half precision where the device has none, and says why', async () => {
    const cases = [{ ...SMALL[0]!, precision: 'float16' } as const, SMALL[5]!].map(caseOf)
    const record = await runBenchmark({ ...options, device: 'cpu', cases })
    assert.deepEqual(
      record.cases.map(({ op }) => op),
      ['softmax'],
    )
    assert.equal(record.left_out[0]!.case, 'matmul 16x8x12 float16')
    assert.match(record.left_out[0]!.reason, /float16/)
  })

  it('goes on without a peer that is not there, and the record says why', async () => {
    const python = process.env.SELFSAME_PYTHON
    process.env.SELFSAME_PYTHON = '/nowhere/python3'
    try {
      const record = await runBenchmark({ ...options, cases: SMALL.slice(0, 1).map(caseOf), peers: ['torch'] })
      assert.match((record.peers.torch as { error: string }).error, /ENOENT/)
      assert.deepEqual(record.cases[0]!.peers, {})
    } finally {
      if (python === undefined) delete process.env.SELFSAME_PYTHON
      else process.env.SELFSAME_PYTHON = python
    }
  })

  it('refuses a filter that nothing matches before it opens a device', async () => {
    await assert.rejects(runBenchmark({ ...options, filter: /fly/ }), (error: Error) => {
      return (
        error instanceof ConfigError &&
        /--filter: \/fly\/ matches no case; there are matmul 512x512x512/.test(error.message)
      )
    })
  })

  it('knows its peers by name', () => {
    assert.deepEqual(peerNames('none'), [])
    assert.deepEqual(peerNames('all'), ['tfjs-webgpu', 'tfjs-wasm', 'jax-js', 'torch', 'torch-autocast'])
    assert.deepEqual(peerNames('torch, jax-js'), ['torch', 'jax-js'])
    assert.throws(() => peerNames('torch,numpy'), /--peers: wants all, none, or some of .* got 'numpy'/)
  })
})

describe('bench: the command', () => {
  const program = fileURLToPath(new URL('../../../bin/selfsame.js', import.meta.url))
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'selfsame-bench-'))
  })
  after(() => rmSync(folder, { recursive: true }))

  const bench = (...words: string[]) =>
    spawnSync(process.execPath, [program, 'bench', '--device', 'webgpu', '--peers', 'none', ...words], {
      cwd: folder,
      encoding: 'utf8',
      timeout: 60_000,
    })

  it('writes a table, a record and a page; --compare finds a regression and ends with 1', () => {
    const first = bench('--filter', 'matmul 256', '--json', 'record.json', '--html', 'report.html')
    assert.equal(first.status, 0, first.stderr)
    assert.match(first.stdout, /matmul 256x512x128 .* GFLOP\/s/)
    assert.match(readFileSync(join(folder, 'report.html'), 'utf8'), /<svg/)
    const record = schema.parse(JSON.parse(readFileSync(join(folder, 'record.json'), 'utf8')))
    assert.equal(record.cases.length, 1)

    record.cases[0]!.median_ms /= 10
    writeFileSync(join(folder, 'faster.json'), JSON.stringify(record))
    const second = bench('--filter', 'matmul 256', '--compare', 'faster.json')
    assert.equal(second.status, 1)
    assert.match(second.stdout, /slower .* matmul 256x512x128/)
    assert.match(second.stderr, /selfsame: slower than in faster\.json by more than 10 %: matmul 256x512x128/)
  })

  const wrong: [words: string[], sentence: RegExp][] = [
    [['--filter', '('], /--filter: '\(' is no regular expression/],
    [['--compare', 'nothing.json'], /--compare: nothing\.json cannot be read/],
    [['--suite', 'none'], /Allowed choices are ops, train, all/],
    [['--adapter', 'software', '--require-hardware'], /--require-hardware: .* found only the software adapter/],
  ]
  for (const [words, sentence] of wrong) {
    it(`${words.join(' ')}: one sentence, exit code 2`, () => {
      const { status, stdout, stderr } = bench(...words)
      assert.equal(status, 2, stderr)
      assert.equal(stdout, '')
      assert.match(stderr, sentence)
    })
  }
})
