import assert from 'node:assert/strict'
import type { Device, Slice } from '../../src/device/device.js'
import type { Launch } from '../../src/device/launch.js'
import { MINIMUM_LIMITS } from '../../src/device/webgpu/open.js'
import { candidatesOf, implement, plannerOf, type Target } from '../../src/device/webgpu/plan.js'
import { shapeKey } from '../../src/device/webgpu/tuner.js'
import { open } from '../../src/open.js'
import { conv2d, conv2dBackwardData, conv2dBackwardFilter } from '../../src/ops/conv2d.js'
import { matmul } from '../../src/ops/matmul.js'
import { tensor } from '../../src/tensor/create.js'
import type { Tensor } from '../../src/tensor/tensor.js'

declare module '../../src/device/launch.js' {
  interface Launches {
    /** A launch as it is planned on a GPU: by its planner, or by the candidate of that name. */
    onHardware: { launch: Launch; name: string | null }
  }
}

const hardware: Target = { limits: MINIMUM_LIMITS, features: new Set(), software: false }

implement('onHardware', ({ launch, name }) =>
  name === null
    ? plannerOf(launch.op)!(launch, hardware)
    : candidatesOf(launch, hardware).find(candidate => candidate.name === name)!.plan,
)

/** What a tuner chooses among must not change a bit. */
describe('other tiles of the same kernel', () => {
  let device: Device
  before(async () => {
    device = await open({ device: 'webgpu' })
  })
  after(() => device.close())

  const random = (shape: number[], seed: number) => {
    const size = shape.reduce((product, extent) => product * extent, 1)
    return tensor(
      Float32Array.from({ length: size }, (_, i) => Math.sin(seed + 1.7 * i)),
      { shape, device },
    )
  }

  type Case = [op: string, inputs: [number[], number[]], run: (a: Tensor, b: Tensor) => Tensor]
  const cases: Case[] = [
    [
      'matmul',
      [
        [66, 140],
        [140, 70],
      ],
      (a, b) => matmul(a, b),
    ],
    [
      'conv2d',
      [
        [2, 7, 9, 12],
        [3, 3, 12, 68],
      ],
      (x, filter) => conv2d(x, filter, { padding: 1 }),
    ],
    [
      'conv2dBackwardData',
      [
        [2, 7, 9, 68],
        [3, 3, 36, 68],
      ],
      (dy, filter) => conv2dBackwardData(dy, filter, [2, 7, 9, 36], { padding: 1 }),
    ],
    [
      'conv2dBackwardFilter',
      [
        [2, 7, 9, 12],
        [2, 7, 9, 68],
      ],
      (x, dy) => conv2dBackwardFilter(x, dy, [3, 3, 12, 68], { padding: 1 }),
    ],
  ]

  for (const [op, [first, second], run] of cases) {
    it(`${op}: all of them the same bits, on a software adapter and as on a GPU`, async () => {
      const [a, b] = [random(first, 1), random(second, 2)]
      const program = await device.record(() => {
        run(a, b)
      })
      const launch = program.launches.find(one => one.op === op) as Launch & { out: Slice }
      const result = async (how: Launch) => {
        device.launch({ op: 'fill', out: launch.out, bits: 0, count: launch.out.bytes / 4 })
        device.launch(how)
        return new Uint32Array(await device.read(launch.out.buffer, launch.out.offset, launch.out.bytes))
      }
      const here = await result(launch)
      for (const { name } of candidatesOf(launch, { ...hardware, ...device.info })) {
        device.plans.set(shapeKey(launch), name)
        assert.deepEqual(await result(launch), here, name)
      }
      const there = await result({ op: 'onHardware', launch, name: null })
      const names = candidatesOf(launch, hardware).map(({ name }) => name)
      assert.ok(new Set(names).size === names.length && (op === 'matmul' || names.length > 0), names.join(', '))
      for (const name of names) assert.deepEqual(await result({ op: 'onHardware', launch, name }), there, name)
      device.release(program)
    })
  }
})
