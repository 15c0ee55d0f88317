import assert from 'node:assert/strict'
import type { Device, LaunchTime, Slice } from '../../../src/device/device.js'
import { DeviceError } from '../../../src/device/errors.js'
import type { Launch, LaunchOf } from '../../../src/device/launch.js'
import { dawn } from '../../../src/device/node.js'
import { openWebGPU } from '../../../src/device/webgpu/open.js'
import { type Dispatch, implement, offer, type Target } from '../../../src/device/webgpu/plan.js'
import type { Prepared } from '../../../src/device/webgpu/submission.js'
import {
  type Bench,
  chosenPlan,
  fastest,
  OWN,
  type PlanCache,
  shapeKey,
  Tuner,
} from '../../../src/device/webgpu/tuner.js'
import { open } from '../../../src/open.js'
import { matmul } from '../../../src/ops/matmul.js'
import { tensor } from '../../../src/tensor/create.js'
import { scope } from '../../../src/tensor/scope.js'
import type { Tensor } from '../../../src/tensor/tensor.js'

declare module '../../../src/device/launch.js' {
  interface Launches {
    tuned: { a: Slice; out: Slice; n: number }
  }
}

const dispatch = (n: number): Dispatch => ({ kernel: 'fill', bindings: [], grid: [n, 1, 1], work: n })
implement('tuned', ({ n }) => [dispatch(n)])
offer('tuned', ({ n }) => (n < 10 ? [] : ['small', 'large'].map((name, i) => ({ name, plan: [dispatch(n + 1 + i)] }))))

const target = { limits: {}, features: new Set(), software: false } as unknown as Target
const slice = (bytes: number): Slice => ({ buffer: { id: 1, bytes }, offset: 256, bytes })
const launchOf = (n: number): LaunchOf<'tuned'> => ({ op: 'tuned', a: slice(8), out: slice(4 * n), n })

/** A device on which a launch takes as long as its plan's entry in `nanoseconds`. */
function benchOf(nanoseconds: Readonly<Record<string, number>>) {
  const launched: [string, Launch][] = []
  let room = Number.POSITIVE_INFINITY
  let held = 0
  const plans = new Map<string, string>()
  const bench: Bench = {
    plans,
    alloc(bytes) {
      if (held + bytes > room) throw new DeviceError('alloc: no room')
      held += bytes
      return { id: launched.length, bytes }
    },
    free({ bytes }) {
      held -= bytes
    },
    launch: launch => void launched.push([plans.get(shapeKey(launch))!, launch]),
    async trace(body) {
      const first = launched.length
      await body()
      let now = 0
      return launched.slice(first).map(([name, launch]): LaunchTime => {
        const begin = now
        now += nanoseconds[name]!
        return { launch, begin, end: now, longestDispatch: now - begin }
      })
    },
  }
  const prepared: Dispatch[] = []
  const tuner = new Tuner(bench, target, async dispatches => void prepared.push(...dispatches))
  return { tuner, plans, launched, prepared, held: () => held, limit: (bytes: number) => (room = bytes) }
}

describe('tuner', () => {
  it('takes the fastest plan, times a shape once, and gives its memory back', async () => {
    const { tuner, plans, launched, prepared, held } = benchOf({ [OWN]: 100, small: 90, large: 80 })
    assert.equal(await tuner.tune([launchOf(16), launchOf(16), launchOf(3)]), true)
    assert.deepEqual([...plans], [['tuned a n=16 out', 'large']])
    assert.equal(prepared.length, 2)
    const [, copy] = launched[0]!
    assert.deepEqual((copy as LaunchOf<'tuned'>).out, { buffer: { id: 0, bytes: 64 }, offset: 0, bytes: 64 })
    assert.equal(held(), 0)
    const before = launched.length
    assert.equal(await tuner.tune([launchOf(16)]), false)
    assert.equal(launched.length, before)
  })

  it("keeps the planner's own choice unless another is faster by more than noise, and remembers that", async () => {
    const { tuner, plans } = benchOf({ [OWN]: 100, small: 98, large: 120 })
    await tuner.tune([launchOf(16)])
    assert.deepEqual([...plans.values()], [OWN])
    assert.equal(chosenPlan(launchOf(16), target, plans), undefined)
  })

  it('times nothing that was known before, unless that plan is no more', async () => {
    const { tuner, plans, launched } = benchOf({ [OWN]: 100, small: 50, large: 100 })
    plans
      .set(shapeKey(launchOf(16)), 'large')
      .set(shapeKey(launchOf(17)), OWN)
      .set(shapeKey(launchOf(18)), 'gone')
    assert.equal(await tuner.tune([16, 17].map(launchOf)), false)
    assert.equal(launched.length, 0)
    assert.equal(await tuner.tune([launchOf(18)]), true)
    assert.deepEqual([...plans.values()], ['large', OWN, 'small'])
  })

  it('without room for a copy of the operands decides nothing', async () => {
    const { tuner, plans, limit, held } = benchOf({})
    limit(40)
    await tuner.tune([launchOf(16)])
    assert.deepEqual([plans.size, held()], [0, 0])
  })

  it('looks at the least time of each plan, the first round apart', () => {
    const ends = [1, 100, /**/ 50, 60, /**/ 90, 40, /**/ 70, 80]
    const times = ends.map((end): LaunchTime => ({ launch: launchOf(1), begin: 0, end, longestDispatch: end }))
    assert.equal(fastest(times, 2), 1)
    assert.equal(fastest(times.slice(0, 4), 2), 0)
  })

  it('a plan by name is that of the launch, with its own operands', () => {
    const plans = new Map([[shapeKey(launchOf(16)), 'small']])
    assert.deepEqual(chosenPlan(launchOf(16), target, plans), [dispatch(17)])
    assert.equal(chosenPlan(launchOf(15), target, plans), undefined)
  })
})

/** As its planners see it. */
function targetOf({ info: { limits, features, software } }: Device): Target {
  return { limits, features, software }
}

describe('a device that tunes', () => {
  const rows = 24
  const values = (seed: number) => Float32Array.from({ length: rows * rows }, (_, i) => Math.sin(seed + 1.7 * i))

  it('chooses in a recording, keeps the bits, and tells the cache; the next one begins with what that knows', async () => {
    let kept: Readonly<Record<string, string>> = {}
    const writes: string[][] = []
    const cache: PlanCache = {
      read: async () => kept,
      async write(plans) {
        kept = plans
        writes.push(Object.keys(plans))
      },
    }
    for (const opening of ['first', 'second']) {
      const device = await openWebGPU({ gpu: dawn(), tune: true, planCache: () => cache })
      const [a, b] = [1, 2].map(seed => tensor(values(seed), { shape: [rows, rows], device })) as [Tensor, Tensor]
      const eager = matmul(a, b)
      let out = a
      const program = await device.record(() => {
        out = scope(() => matmul(a, b))
      })
      const [[shape, name], ...others] = [...device.plans] as [[string, string]]
      assert.deepEqual(others, [])
      assert.match(shape, /^matmul a b .*m=24 n=24 out/)
      assert.ok(name === OWN || name.startsWith('matmul '), name)
      assert.deepEqual(writes, [[shape]], `written once, also after the ${opening} opening`)
      const expected = await eager.data()
      assert.deepEqual(await out.data(), expected)
      device.replay(program)
      assert.deepEqual(await out.data(), expected)
      device.release(program)
      await device.close()
    }
  })

  it('a recording takes the plan that was chosen while it was made', async () => {
    const device = await openWebGPU({ gpu: dawn(), tune: true })
    const a = tensor(values(1), { shape: [rows, rows], device })
    // What is chosen depends on the clock: here it is another than the planner's.
    const { set } = device.plans
    let other = ''
    device.plans.set = function (this: Map<string, string>, shape: string, name: string) {
      if (name !== OWN) other = name
      return set.call(this, shape, other || name)
    } as typeof set
    let out = a
    const program = await device.record(() => {
      out = scope(() => matmul(a, a))
    })
    const [shape, name] = [...device.plans][0]!
    assert.ok(name.startsWith('matmul '), name)
    const { encoded } = program as unknown as Prepared
    const wanted = chosenPlan(program.launches[0]!, targetOf(device), new Map([[shape, name]]))!
    assert.deepEqual(
      encoded.map(({ command: { dispatch } }) => [dispatch.parameters, dispatch.grid]),
      wanted.map(({ parameters, grid }) => [parameters, grid]),
    )
    device.plans.clear()
    assert.deepEqual(await out.data(), await matmul(a, a).data())
    await device.close()
  })

  it('does not where it was not asked: a software adapter by default, and never without timestamps', async () => {
    const record = async (device: Device) => {
      const a = tensor(values(1), { shape: [rows, rows], device })
      device.release(await device.record(() => scope(() => void matmul(a, a))))
      const { size } = device.plans
      await device.close()
      return size
    }
    assert.equal(await record(await open({ adapter: 'software' })), 0)
    await assert.rejects(open({ device: 'webgpu', limits: 'minimum', tune: true }), /tune: .* has no timestamp queries/)
  })
})
