import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { ConfigError } from '../../src/device/errors.js'
import type { Arena } from '../../src/nn/arena.js'
import { AdamW } from '../../src/optim/adamw.js'
import { LARS } from '../../src/optim/lars.js'
import { LossScale } from '../../src/optim/lossScale.js'
import type { Optimizer } from '../../src/optim/optimizer.js'
import { SGD } from '../../src/optim/sgd.js'
import { devices } from '../conformance/devices.js'
import { arenaOf, pageBytes, weightsOf } from './plain.js'

const makers: Record<string, (parameters: Arena, gradients: Arena) => Optimizer> = {
  SGD: (parameters, gradients) => new SGD(parameters, gradients, { momentum: 0.9, weightDecay: 1e-3 }),
  'SGD with Nesterov momentum': (parameters, gradients) =>
    new SGD(parameters, gradients, { momentum: 0.9, nesterov: true, weightDecay: 1e-3 }),
  LARS: (parameters, gradients) => new LARS(parameters, gradients, { weightDecay: 1e-3 }),
  AdamW: (parameters, gradients) => new AdamW(parameters, gradients, { weightDecay: 1e-3 }),
}

for (const { name, open } of devices) {
  describe(`optim/lossScale on ${name}`, () => {
    let device: Device

    before(async () => {
      device = await open()
    })

    after(() => device.close())

    /** Gradients of a step, times `scale`, and `odd` as the last number of the last tensor. */
    function write(gradients: Arena, step: number, scale: number, odd?: number): void {
      for (const [name, values] of weightsOf(20 + step, 0.3)) {
        const scaled = Float32Array.from(values, value => scale * value)
        if (odd !== undefined && name === 'third.weight') scaled[scaled.length - 1] = odd
        gradients.slot(name).write(scaled)
      }
    }

    async function bitsOf(arena: Arena, optimizer: Optimizer): Promise<Record<string, Uint32Array>> {
      const named = [...arena.slots.map(({ name, tensor }) => [name, tensor] as const), ...optimizer.state()]
      const all = await Promise.all(named.map(async ([name, tensor]) => [name, await tensor.data()] as const))
      return Object.fromEntries(all.map(([name, values]) => [name, new Uint32Array(values.slice().buffer)]))
    }

    it('halves after an overflow, doubles after an interval without one, and begins to count anew after either', async () => {
      const arena = arenaOf(weightsOf(1), device)
      const gradients = arena.like()
      const lossScale = new LossScale(device, { initial: 8, interval: 3 })
      const overflow = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN]
      // What the last gradient is, and then scale, good steps and factor, by hand.
      const trace: [number, number, number, number][] = [
        [1, 8, 1, 1 / 8],
        [1, 8, 2, 1 / 8],
        [1, 16, 0, 1 / 8],
        [1, 16, 1, 1 / 16],
        [overflow[0]!, 8, 0, 0],
        [1, 8, 1, 1 / 8],
        [1, 8, 2, 1 / 8],
        [overflow[1]!, 4, 0, 0],
        [overflow[2]!, 2, 0, 0],
        // The largest finite number is no overflow.
        [3.4028234663852886e38, 2, 1, 1 / 2],
        [-3.4028234663852886e38, 2, 2, 1 / 2],
        [1, 4, 0, 1 / 2],
      ]
      for (const [step, [odd, scale, goodSteps, factor]] of trace.entries()) {
        write(gradients, step, 1, odd)
        lossScale.judge(gradients)
        const state = new Map(lossScale.state())
        const found = await Promise.all(
          [state.get('scale')!, state.get('goodSteps')!, lossScale.factor].map(t => t.item()),
        )
        assert.deepEqual(found, [scale, goodSteps, factor], `after step ${step}`)
      }
    })

    it('sees an overflow wherever it is, on any page', async () => {
      const arena = arenaOf(weightsOf(1), device, pageBytes)
      assert.equal(arena.pages.length, 3)
      const gradients = arena.like()
      const lossScale = new LossScale(device)
      let scale = 65_536
      for (const { name, tensor } of gradients.slots) {
        for (const at of new Set([0, tensor.size - 1])) {
          const values = new Float32Array(tensor.size)
          values[at] = Number.NEGATIVE_INFINITY
          tensor.write(values)
          lossScale.judge(gradients)
          tensor.write(values.fill(0))
          scale /= 2
          assert.equal(await lossScale.scale.item(), scale, `${name} at ${at}`)
        }
      }
      lossScale.judge(gradients)
      assert.equal(await lossScale.factor.item(), 1 / scale)
    })

    it('stays a power of two with an inverse at either end', async () => {
      const gradients = arenaOf(weightsOf(1), device).like()
      const [large, small] = [2 ** 126, 2 ** -126].map(initial => new LossScale(device, { initial, interval: 1 }))
      large!.judge(gradients)
      assert.deepEqual([await large!.scale.item(), await large!.factor.item()], [2 ** 126, 2 ** -126])
      write(gradients, 0, 1, Number.NaN)
      small!.judge(gradients)
      assert.deepEqual([await small!.scale.item(), await small!.factor.item()], [2 ** -126, 0])
    })

    for (const [name, make] of Object.entries(makers)) {
      it(`${name}: scaling changes no bit, a step with an overflow none at all`, async () => {
        const [plain, scaled] = [arenaOf(weightsOf(1), device), arenaOf(weightsOf(1), device)]
        const [plainGradients, scaledGradients] = [plain.like(), scaled.like()]
        const [one, other] = [make(plain, plainGradients), make(scaled, scaledGradients)]
        const lossScale = new LossScale(device, { interval: 2 })
        for (let step = 0; step < 5; step++) {
          const values = { learningRate: 0.1, step }
          const skipped = step === 3
          if (!skipped) {
            write(plainGradients, step, 1)
            one.prepare(values)
            one.step()
          }
          write(scaledGradients, step, await lossScale.scale.item(), skipped ? Number.POSITIVE_INFINITY : undefined)
          other.prepare(values)
          lossScale.judge(scaledGradients)
          other.step(lossScale)
          assert.deepEqual(await bitsOf(scaled, other), await bitsOf(plain, one), `after step ${step}`)
        }
        // Doubled after steps 0 and 1, halved after step 3.
        assert.equal(await lossScale.scale.item(), 65_536)
        assert.notDeepEqual(
          await bitsOf(scaled, other),
          await bitsOf(arenaOf(weightsOf(1), device), make(plain, plainGradients)),
        )
      })
    }

    it('skips in a recorded step without the host, and goes on from its state', async () => {
      const gradients = arenaOf(weightsOf(1), device).like()
      const runs = [0, 1].map(() => {
        const arena = arenaOf(weightsOf(1), device)
        const optimizer = makers.SGD!(arena, gradients)
        optimizer.prepare({ learningRate: 0.1, step: 0 })
        return { arena, optimizer, lossScale: new LossScale(device, { interval: 2 }) }
      })
      const [recorded, eager] = runs as [(typeof runs)[0], (typeof runs)[0]]
      const odd = [undefined, Number.NaN, undefined, undefined, Number.POSITIVE_INFINITY, undefined]
      const launches = ({ optimizer, lossScale }: (typeof runs)[0]) => {
        lossScale.judge(gradients)
        optimizer.step(lossScale)
      }
      write(gradients, 0, 1)
      const program = await device.record(() => launches(recorded))
      launches(eager)
      for (let step = 1; step < odd.length; step++) {
        write(gradients, step, 1, odd[step])
        device.replay(program)
        // Killed and taken up again, with what a checkpoint holds.
        if (step === 3) {
          const values = await Promise.all(eager.lossScale.state().map(([, tensor]) => tensor.data()))
          eager.lossScale.dispose()
          eager.lossScale = new LossScale(device, { initial: 2, interval: 2 })
          for (const [i, [, tensor]] of eager.lossScale.state().entries()) tensor.write(values[i]!)
        }
        launches(eager)
      }
      device.release(program)
      assert.deepEqual(await bitsOf(recorded.arena, recorded.optimizer), await bitsOf(eager.arena, eager.optimizer))
      // Halved after step 1, doubled after 2 and 3, halved after 4.
      for (const { lossScale } of runs) assert.equal(await lossScale.scale.item(), 32_768)
    })

    it('refuses what makes no sense, and gives its memory back', () => {
      for (const initial of [0, 3, -2, 2 ** 127, Number.NaN]) {
        assert.throws(() => new LossScale(device, { initial }), ConfigError, `initial ${initial}`)
      }
      for (const interval of [0, 1.5]) assert.throws(() => new LossScale(device, { interval }), ConfigError)
      const before = device.memory().buffers
      new LossScale(device).dispose()
      assert.equal(device.memory().buffers, before)
    })
  })
}
