import assert from 'node:assert/strict'
import { openCPU } from '../../src/device/cpu/open.js'
import type { Device } from '../../src/device/device.js'
import { open } from '../../src/open.js'
import { runSteps, type TinyRun, tinyRun, valuesOf } from '../train/tiny.js'

const STEPS = 10
// Of all parameters together. Measured after ten steps, at five seeds: 2e-8 to 3e-8 at three of them. Where a value before
// a ReLU happens to be so near zero that the devices disagree about its sign, the disagreement grows from then on: up to
// 5e-4 at the other two.
const BOUND = 1e-4
const SEED = 1

/**
 * The parameters of a SimCLR run, one after another, before its first step and after the last. It is a ResNet-8 with
 * 8, 16 and 32 channels: the last stage's convolutions are those that Winograd's algorithm takes.
 */
async function train(device: Device): Promise<{ before: number[]; after: number[] }> {
  try {
    const run = tinyRun(device, {
      seed: SEED,
      batch: 16,
      width: 8,
      side: 16,
      projector: [32, 16],
      optimizer: { learningRate: 0.03 },
      schedule: { form: 'constant', warmup: 0 },
    })
    const before = await parametersOf(run)
    await runSteps(run, 0, STEPS)
    return { before, after: await parametersOf(run) }
  } finally {
    await device.close()
  }
}

async function parametersOf(run: TinyRun): Promise<number[]> {
  const values = Object.entries(await valuesOf(run))
  return values.filter(([name]) => !/^optimizer|running/.test(name)).flatMap(([, each]) => each)
}

/** ‖a − b‖ / ‖b‖ */
function distance(a: readonly number[], b: readonly number[]): number {
  return Math.hypot(...a.map((x, i) => x - b[i]!)) / Math.hypot(...b)
}

describe('ten steps of SimCLR', () => {
  let onWebGPU: Awaited<ReturnType<typeof train>>

  before(async () => {
    onWebGPU = await train(await open({ device: 'webgpu' }))
  })

  for (const winograd of [true, false]) {
    it(`on the CPU device are those on WebGPU, ${winograd ? 'with' : 'without'} Winograd's algorithm`, async () => {
      const onCPU = await train(await openCPU({ winograd }))
      assert.deepEqual(onCPU.before, onWebGPU.before, 'both begin with the same bits')
      const apart = distance(onCPU.after, onWebGPU.after)
      assert.ok(apart <= BOUND, `the parameters are ${apart} apart`)
      // Or the comparison would say little.
      const moved = distance(onWebGPU.after, onWebGPU.before)
      assert.ok(moved >= 40 * BOUND, `the parameters moved by ${moved} only`)
    })
  }
})
