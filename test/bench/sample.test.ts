import assert from 'node:assert/strict'
import { caseName, caseOf, noise, unitRows } from '../../bench/case.js'
import { Pace } from '../../bench/pace.js'
import { clock, interleaved, SideError } from '../../bench/sample.js'
import type { Side } from '../../bench/side.js'
import { SUITES, type Suite, specsOf } from '../../bench/suites.js'

const sleep = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

/** A side that takes `ms` a run and notes its batches. */
function sideOf(name: string, ms: number, batches: [string, number][]): Side {
  return {
    async batch(count) {
      batches.push([name, count])
      await sleep(ms * count)
      return false
    },
    dispose() {},
  }
}

describe('bench: sampling', () => {
  it('times what Benchmark.js defers', async () => {
    const took = await clock(() => sleep(30))
    assert.ok(took >= 29 && took < 200, `${took} ms`)
  })

  it('an error comes out, which Benchmark.js alone would swallow', async () => {
    await assert.rejects(
      clock(async () => {
        await sleep(1)
        throw new Error('a kernel that does not compile')
      }),
      /does not compile/,
    )
    await assert.rejects(
      clock(() => {
        throw new Error('thrown at once')
      }),
      /thrown at once/,
    )
  })

  it('sides take turns, forth and back, with as many runs as make a sample', async () => {
    const batches: [string, number][] = []
    const sides = [sideOf('a', 2, batches), sideOf('b', 25, batches)]
    const samples = await interleaved(sides, { sampleMs: 20, rounds: 4, budgetMs: 1e6 })
    assert.deepEqual(
      batches.slice(-8).map(([name]) => name),
      ['a', 'b', 'b', 'a', 'a', 'b', 'b', 'a'],
    )
    const [a, b] = [batches.at(-1)!, batches.at(-2)!]
    assert.ok(a[1] >= 5, `${a[1]} runs of 2 ms make a sample of 20 ms`)
    assert.equal(b[1], 1)
    assert.deepEqual(
      samples.map(side => side.length),
      [4, 4],
    )
    assert.ok(
      samples[0]!.every(ms => ms > 1.9),
      'a sample is the time of one run',
    )
    assert.ok(samples[1]!.every(ms => ms > 24))
  })

  it('a slow case gets fewer rounds, and three at least', async () => {
    const batches: [string, number][] = []
    const [samples] = await interleaved([sideOf('a', 30, batches)], { sampleMs: 20, rounds: 9, budgetMs: 40 })
    assert.equal(samples!.length, 3)
  })

  it('says whose fault it is when a side fails, in the warm-up or later', async () => {
    for (const good of [0, 12]) {
      let left = good
      const broken: Side = {
        async batch() {
          if (left-- === 0) throw new Error('out of memory')
          await sleep(5)
          return false
        },
        dispose() {},
      }
      await assert.rejects(
        interleaved([sideOf('a', 1, []), broken], { sampleMs: 1, rounds: 20, budgetMs: 1e6 }),
        (error: Error) => error instanceof SideError && error.side === 1 && error.message === 'out of memory',
      )
    }
  })
})

describe('bench: pace', () => {
  it('asks at once the first time, and sleeps for most of what it learned after that', async () => {
    const pace = new Pace()
    const first = performance.now()
    await pace.sleep(first)
    assert.ok(performance.now() - first < 40)
    pace.learn(first - 50, first - 50)
    const second = performance.now()
    await pace.sleep(second)
    const slept = performance.now() - second
    assert.ok(slept >= 44 && slept < 1000, `${slept} ms`)
  })

  it('an answer that comes at once means that it slept too long, and it sleeps less', async () => {
    const pace = new Pace()
    const now = performance.now()
    assert.equal(pace.learn(now - 100, now - 100), false)
    assert.equal(pace.learn(performance.now() - 100, performance.now()), true)
    const begun = performance.now()
    await pace.sleep(begun - 60)
    const slept = performance.now() - begun
    assert.ok(slept > 5 && slept < 29, `${slept} ms of 72 − 60`)
  })
})

describe('bench: cases', () => {
  const casesOf = (suite: Suite) =>
    new Map(
      specsOf(suite)
        .map(caseOf)
        .map(one => [caseName(one), one]),
    )

  it('have a name of their own within a suite', () => {
    for (const suite of SUITES) assert.equal(casesOf(suite).size, specsOf(suite).length, suite)
  })

  it('of the suite for GPUs fill one; in tiny they are the same ops in the same order', () => {
    const gpu = casesOf('gpu')
    const convolutions = [...gpu.values()].filter(({ spec }) => spec.op.startsWith('conv2d'))
    assert.equal(convolutions.length, 15)
    for (const { flop } of convolutions) assert.equal(flop, 18 * 512 * 32 * 32 * 64 * 64)
    assert.equal(gpu.get('sgd 268.4M')!.bytes, 5 * 2 ** 30)
    assert.equal(gpu.get('matmul 4096x4096x4096 float16')!.flop, 2 * 4096 ** 3)
    const ops = (suite: Suite) => specsOf(suite).map(({ op, precision }) => [op, precision])
    assert.deepEqual(ops('gpu-tiny'), ops('gpu'))
    for (const { spec, flop, bytes } of casesOf('gpu-tiny').values()) {
      assert.ok((flop ?? 0) < 1e7 && (bytes ?? 0) < 1e6, spec.op)
    }
  })

  it('count a multiply-add as two operations, and every byte once', () => {
    const named = casesOf('all')
    assert.equal(named.get('matmul 512x512x512')!.flop, 2 * 512 ** 3)
    assert.equal(named.get('conv2d 16x32x32x64→64')!.flop, 1_207_959_552)
    assert.equal(named.get('conv2dBackwardFilter 16x32x32x64→64')!.flop, 1_207_959_552)
    assert.equal(named.get('ema 11.3M')!.bytes, 12 * 43 * 512 * 512)
    // Of parameters, gradients and both moments, and all but the gradients written.
    assert.equal(named.get('adamw 11.3M')!.bytes, 28 * 43 * 512 * 512)
    assert.equal(named.get('relu 64x32x32x64')!.bytes, 8 * 64 * 32 * 32 * 64)
  })

  it('are made of the same numbers every time', () => {
    assert.deepEqual(noise(100), noise(100))
    assert.notDeepEqual(noise(100), noise(100, 2))
    assert.ok(noise(1e5).every(value => value >= -1 && value < 1))
    assert.ok(Math.abs(Math.hypot(...unitRows(3, 128).subarray(128, 256)) - 1) < 1e-6)
  })
})
