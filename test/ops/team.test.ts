import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import type { LaunchOf } from '../../src/device/launch.js'
import { MINIMUM_LIMITS } from '../../src/device/webgpu/open.js'
import { implement, type Target } from '../../src/device/webgpu/plan.js'
import { open } from '../../src/open.js'
import { planLayerNorm, planLayerNormGradient } from '../../src/ops/layerNorm.plan.js'
import { planSoftmax } from '../../src/ops/softmax.js'
import { type TeamForce, teamOf } from '../../src/ops/team.js'
import { planLarsTrust } from '../../src/optim/lars.js'
import { tensor } from '../../src/tensor/create.js'
import { empty, type Tensor } from '../../src/tensor/tensor.js'

type Launched = LaunchOf<'softmax'> | LaunchOf<'layerNorm'> | LaunchOf<'layerNormGradient'> | LaunchOf<'larsTrust'>

declare module '../../src/device/launch.js' {
  interface Launches {
    teamed: { launch: Launched; force: TeamForce }
  }
}

implement('teamed', ({ launch, force }, target) => {
  if (launch.op === 'softmax') return planSoftmax(launch, target, force)
  if (launch.op === 'layerNorm') return planLayerNorm(launch, target, force)
  if (launch.op === 'larsTrust') return planLarsTrust(launch, target, force)
  return planLayerNormGradient(launch, target, force)
})

const software: Target = { limits: MINIMUM_LIMITS, features: new Set(['subgroups']), software: true }
const hardware: Target = { ...software, software: false }
const wide: Target = { ...hardware, features: new Set(['subgroups', 'subgroups-32']) }

describe('teamOf', () => {
  it('has one invocation a row on a software adapter, and 32 or 256 on a GPU', () => {
    assert.equal(teamOf(5, 100_000, software).parameters.TEAM, 1)
    assert.equal(teamOf(5, 1000, hardware).parameters.TEAM, 32)
    assert.equal(teamOf(5, 4096, hardware).parameters.TEAM, 256)
    assert.deepEqual(teamOf(1000, 64, hardware).grid, [125, 1, 1])
  })

  it('shuffles only where subgroups are wide enough', () => {
    assert.equal(teamOf(5, 1000, hardware).parameters.SUBGROUPS, 0)
    assert.equal(teamOf(5, 1000, wide).parameters.SUBGROUPS, 1)
    assert.equal(teamOf(5, 4096, wide).parameters.SUBGROUPS, 0)
  })
})

describe('rows shared by a team', () => {
  let device: Device

  before(async () => {
    device = await open({ device: 'webgpu' })
    assert.ok(device.info.features.has('subgroups'), 'an adapter with subgroups')
  })

  after(() => device.close())

  const values = (count: number, seed: number) =>
    Float32Array.from({ length: count }, (_, i) => Math.sin(seed + 1.7 * i) + 3)

  /** What every kernel of a plan writes, in float32. */
  async function results(rows: number, columns: number, force: TeamForce): Promise<Float32Array[]> {
    const of = (shape: number[], seed: number) =>
      tensor(
        values(
          shape.reduce((a, b) => a * b, 1),
          seed,
        ),
        { shape, device },
      )
    const out = (...shape: number[]) => empty(shape, 'float32', device)
    const [x, g, gamma, beta] = [of([rows, columns], 1), of([rows, columns], 2), of([columns], 3), of([columns], 4)]
    const [y, normalised, dx] = [out(rows, columns), out(rows, columns), out(rows, columns)]
    const [statistics, dgamma, dbeta] = [out(rows, 2), out(columns), out(columns)]
    const norm = { x: x.slice, gamma: gamma.slice, statistics: statistics.slice, rows, columns }
    const sums = { dgamma: dgamma.slice, dbeta: dbeta.slice }
    // Slots of `columns` vec4s, in ranges of at most 200.
    const table = (pairs: number[][]) => tensor(Uint32Array.from(pairs.flat()), { shape: [pairs.length, 2], device })
    const cuts = Array.from({ length: Math.ceil(columns / 200) }, (_, i) => [200 * i, Math.min(200 * (i + 1), columns)])
    const each = Array.from({ length: rows }, (_, row) => row)
    const ranges = table(each.flatMap(row => cuts.map(cut => cut.map(at => row * columns + at))))
    const slots = table(each.map(row => [row * cuts.length, (row + 1) * cuts.length]))
    const [w, dw, hyper, trust] = [of([rows, 4 * columns], 5), of([rows, 4 * columns], 6), of([64], 7), out(rows)]
    const lars = { parameters: w.slice, gradients: dw.slice, hyper: hyper.slice, trust: trust.slice }
    const layout = { ranges: ranges.slice, slots: slots.slice, rangeCount: rows * cuts.length, slotCount: rows }
    const launches = [
      { op: 'larsTrust', ...lars, ...layout },
      { op: 'softmax', x: x.slice, y: y.slice, rows, columns, log: false },
      { op: 'layerNorm', ...norm, beta: beta.slice, y: normalised.slice, epsilon: 1e-5 },
      { op: 'layerNormGradient', ...norm, ...sums, g: g.slice, dx: dx.slice },
    ] as const
    for (const launch of launches) device.launch({ op: 'teamed', launch, force })
    const all: Tensor[] = [y, normalised, statistics, dx, dgamma, dbeta, trust]
    const read = await Promise.all(all.map(each => each.data()))
    for (const each of [x, g, gamma, beta, ranges, slots, w, dw, hyper, ...all]) each.dispose()
    return read as Float32Array[]
  }

  for (const [rows, columns] of [
    [1, 1],
    [5, 33],
    [70, 128],
    [3, 1031],
  ] as const) {
    it(`[${rows},${columns}]: a team agrees with one alone, and shuffling changes no bit`, async () => {
      const alone = await results(rows, columns, { team: 1 })
      // Subgroups of llvmpipe have eight lanes.
      const [tree, shuffled] = [false, true].map(subgroups => results(rows, columns, { team: 8, subgroups }))
      for (const [i, values] of (await tree!).entries()) {
        for (const [at, value] of values.entries()) {
          const expected = alone[i]![at]!
          assert.ok(Math.abs(value - expected) <= 2e-5 * Math.max(1, Math.abs(expected)), `result ${i} at ${at}`)
        }
      }
      assert.deepEqual(await shuffled, await tree)
    })
  }
})
