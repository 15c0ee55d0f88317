import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { ConfigError, ShapeError } from '../../src/device/errors.js'
import type { Arena } from '../../src/nn/arena.js'
import { AdamW } from '../../src/optim/adamw.js'
import { LARS } from '../../src/optim/lars.js'
import type { Optimizer } from '../../src/optim/optimizer.js'
import { SGD } from '../../src/optim/sgd.js'
import { devices } from '../conformance/devices.js'
import { arenaOf, distance, groupOf, pageBytes, type Weights, weightsOf } from './plain.js'

/** One tensor's step in float64; `state` is the tensor's own, empty at first. */
type Plain = (
  weight: Float64Array,
  gradient: Float64Array,
  state: Float64Array[],
  rate: number,
  decay: number,
  step: number,
) => void

interface Row {
  readonly name: string
  readonly make: (parameters: Arena, gradients: Arena) => Optimizer
  readonly plain: Plain
}

const norm = (values: Float64Array) => Math.hypot(...values)
const decayed = (weight: Float64Array, gradient: Float64Array, decay: number) =>
  gradient.map((g, i) => g + decay * weight[i]!)

function sgd(momentum: number, nesterov: boolean): Plain {
  return (weight, gradient, state, rate, decay) => {
    const direction = decayed(weight, gradient, decay)
    const before = state[0] ?? new Float64Array(weight.length)
    state[0] = before.map((v, i) => momentum * v + direction[i]!)
    for (let i = 0; i < weight.length; i++) {
      weight[i]! -= rate * (nesterov ? direction[i]! + momentum * state[0][i]! : state[0][i]!)
    }
  }
}

function lars(momentum: number, eeta: number): Plain {
  return (weight, gradient, state, rate, decay) => {
    const direction = decayed(weight, gradient, decay)
    // Only the excluded group goes without decay here.
    const adapts = decay > 0 && norm(weight) > 0 && norm(direction) > 0
    const trust = adapts ? (eeta * norm(weight)) / norm(direction) : 1
    const before = state[0] ?? new Float64Array(weight.length)
    state[0] = before.map((v, i) => momentum * v + rate * trust * direction[i]!)
    for (let i = 0; i < weight.length; i++) weight[i]! -= state[0][i]!
  }
}

function adamw(beta1: number, beta2: number, epsilon: number): Plain {
  return (weight, gradient, state, rate, decay, step) => {
    const [m, v] = state.length > 0 ? state : [new Float64Array(weight.length), new Float64Array(weight.length)]
    const mean = m!.map((value, i) => beta1 * value + (1 - beta1) * gradient[i]!)
    const square = v!.map((value, i) => beta2 * value + (1 - beta2) * gradient[i]! ** 2)
    state.splice(0, 2, mean, square)
    for (let i = 0; i < weight.length; i++) {
      const corrected = mean[i]! / (1 - beta1 ** (step + 1))
      const root = Math.sqrt(square[i]! / (1 - beta2 ** (step + 1))) + epsilon
      weight[i]! -= rate * decay * weight[i]! + (rate * corrected) / root
    }
  }
}

const weightDecay = 0.01
const rows: Row[] = [
  {
    name: 'SGD',
    make: (parameters, gradients) => new SGD(parameters, gradients, { weightDecay }),
    plain: sgd(0, false),
  },
  {
    name: 'SGD with momentum',
    make: (parameters, gradients) => new SGD(parameters, gradients, { momentum: 0.9, weightDecay }),
    plain: sgd(0.9, false),
  },
  {
    name: 'SGD with Nesterov momentum',
    make: (parameters, gradients) => new SGD(parameters, gradients, { momentum: 0.8, nesterov: true, weightDecay }),
    plain: sgd(0.8, true),
  },
  {
    name: 'LARS',
    make: (parameters, gradients) => new LARS(parameters, gradients, { eeta: 0.02, weightDecay }),
    plain: lars(0.9, 0.02),
  },
  {
    name: 'AdamW',
    make: (parameters, gradients) =>
      new AdamW(parameters, gradients, { betas: [0.8, 0.95], epsilon: 1e-4, weightDecay }),
    plain: adamw(0.8, 0.95, 1e-4),
  },
]

const steps = 4
const rateOf = (step: number) => 0.1 / (1 + step)

for (const { name, open } of devices) {
  describe(`optim/optimizers on ${name}`, () => {
    let device: Device

    before(async () => {
      device = await open()
    })

    after(() => device.close())

    async function run({ make, plain }: Row, bytes?: number): Promise<{ arena: Arena; weights: Weights }> {
      const weights = weightsOf(1)
      const arena = arenaOf(weights, device, bytes)
      const gradients = arena.like()
      const optimizer = make(arena, gradients)
      const state = new Map([...weights.keys()].map(name => [name, [] as Float64Array[]]))
      for (let step = 0; step < steps; step++) {
        const found = weightsOf(10 + step, 0.3)
        for (const [name, values] of found) gradients.slot(name).write(Float32Array.from(values))
        optimizer.prepare({ learningRate: rateOf(step), step })
        optimizer.step()
        for (const [name, weight] of weights) {
          const decay = groupOf(name) === 'decay' ? weightDecay : 0
          plain(weight, found.get(name)!, state.get(name)!, rateOf(step), decay, step)
        }
      }
      return { arena, weights }
    }

    for (const row of rows) {
      it(`${row.name} follows its formula`, async () => {
        const { arena, weights } = await run(row)
        const error = await distance(arena, weights)
        assert.ok(error < 1e-6, `off by ${error}`)
        assert.ok((await distance(arena, weightsOf(1))) > 1e-4, 'nothing moved')
      })

      it(`${row.name} gives the same bits on small pages`, async () => {
        const whole = await run(row)
        const paged = await run(row, pageBytes)
        assert.equal(whole.arena.pages.length, 2)
        assert.equal(paged.arena.pages.length, 3)
        for (const { name, tensor } of whole.arena.slots) {
          assert.deepEqual(await paged.arena.slot(name).data(), await tensor.data(), name)
        }
      })
    }

    it('takes rates and decays by group', async () => {
      const weights = weightsOf(1)
      const arena = arenaOf(weights, device)
      const gradients = arena.like(1)
      const groups = { decay: { learningRate: 0, weightDecay: 5 }, noDecay: { learningRate: 2, weightDecay: 0.5 } }
      const optimizer = new SGD(arena, gradients, { groups })
      optimizer.prepare({ learningRate: 0.25, step: 0 })
      optimizer.step()
      for (const [name, weight] of weights) {
        if (groupOf(name) === 'noDecay')
          weights.set(
            name,
            weight.map(w => w - 0.5 * (1 + 0.5 * w)),
          )
      }
      assert.ok((await distance(arena, weights)) < 1e-6)
    })

    it('LARS trusts fully where a norm is 0', async () => {
      const weights = weightsOf(1, 0)
      const arena = arenaOf(weights, device)
      const optimizer = new LARS(arena, arena.like(1), { weightDecay })
      optimizer.prepare({ learningRate: 0.5, step: 0 })
      optimizer.step()
      for (const tensor of arena.tensors)
        assert.deepEqual(await tensor.data(), new Float32Array(tensor.size).fill(-0.5))
      const still = arenaOf(weightsOf(2), device)
      const idle = new LARS(still, still.like())
      idle.prepare({ learningRate: 0.5, step: 0 })
      idle.step()
      assert.equal(await distance(still, weightsOf(2)), 0)
    })

    it('lists its moments by name, and gives its memory back', () => {
      const arena = arenaOf(weightsOf(1), device)
      const gradients = arena.like()
      const before = device.memory().buffers
      const optimizers = [new AdamW(arena, gradients), new LARS(arena, gradients), new SGD(arena, gradients)]
      assert.deepEqual(
        optimizers[0]!.state().map(([name]) => name),
        [...arena.names.map(name => `mean.${name}`), ...arena.names.map(name => `square.${name}`)],
      )
      assert.deepEqual(
        optimizers[1]!.state().map(([name]) => name),
        arena.names.map(name => `momentum.${name}`),
      )
      for (const optimizer of optimizers) optimizer.dispose()
      assert.equal(device.memory().buffers, before)
    })

    it('refuses what makes no sense', () => {
      const arena = arenaOf(weightsOf(1), device)
      const gradients = arena.like()
      assert.throws(() => new SGD(arena, arenaOf(weightsOf(1), device, pageBytes)), ShapeError)
      assert.throws(() => new SGD(arena, gradients, { groups: { heads: {} } }), /heads; the groups are decay, noDecay/)
      assert.throws(() => new SGD(arena, gradients, { momentum: 1 }), ConfigError)
      assert.throws(() => new AdamW(arena, gradients, { betas: [0.9, 1.2] }), ConfigError)
      assert.throws(() => new AdamW(arena, gradients, { epsilon: 0 }), ConfigError)
      assert.throws(() => new LARS(arena, gradients, { momentum: -1 }), ConfigError)
      assert.throws(() => new SGD(arena, gradients).step(), /call prepare/)
    })
  })
}
