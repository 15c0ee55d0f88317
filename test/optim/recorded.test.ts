import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import type { Arena } from '../../src/nn/arena.js'
import { MLP } from '../../src/nn/mlp.js'
import { ModelState } from '../../src/nn/state.js'
import { mul, sub } from '../../src/ops/elementwise.js'
import { mean } from '../../src/ops/reduce.js'
import { AdamW } from '../../src/optim/adamw.js'
import { EMA } from '../../src/optim/ema.js'
import { LARS } from '../../src/optim/lars.js'
import type { Optimizer } from '../../src/optim/optimizer.js'
import { warmupCosine } from '../../src/optim/schedules.js'
import { SGD } from '../../src/optim/sgd.js'
import { tensor } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import { keep, scope } from '../../src/tensor/scope.js'
import { gradients } from '../../src/tensor/tape.js'
import { devices } from '../conformance/devices.js'

const steps = 5
const widths = [6, 9, 4]
const schedule = warmupCosine({ base: 0.1, warmupSteps: 2, totalSteps: steps })
const makers: Record<string, (parameters: Arena, gradients: Arena) => Optimizer> = {
  SGD: (parameters, gradients) => new SGD(parameters, gradients, { momentum: 0.9, weightDecay: 1e-3 }),
  LARS: (parameters, gradients) => new LARS(parameters, gradients, { weightDecay: 1e-3 }),
  AdamW: (parameters, gradients) => new AdamW(parameters, gradients, { weightDecay: 1e-3 }),
}

for (const { name, open } of devices) {
  describe(`a recorded step on ${name}`, () => {
    let device: Device

    before(async () => {
      device = await open()
    })

    after(() => device.close())

    /** Trains an MLP on changing data and gives all that training changed. */
    async function train(make: (typeof makers)[string], recorded: boolean): Promise<Map<string, unknown>> {
      const mlp = new MLP({ widths, generator: new Generator(5) })
      const state = new ModelState({ mlp })
      const optimizer = make(state.parameters, state.gradients)
      const average = new EMA(state.parameters.like(), state.parameters)
      const x = keep(tensor(new Float32Array(8 * 6), { shape: [8, 6], device }))
      const wanted = keep(tensor(new Float32Array(8 * 4).fill(0.3), { shape: [8, 4], device }))
      const launches = () =>
        scope(() => {
          const error = sub(mlp.forward(x), wanted)
          state.gradients.gatherInto(gradients(mean(mul(error, error)), state.parameters.tensors))
          optimizer.step()
          average.step()
        })
      const first = await mlp.stateDict()
      let program: Awaited<ReturnType<Device['record']>> | undefined
      for (let step = 0; step < steps; step++) {
        const generator = new Generator(6, step)
        x.write(Float32Array.from({ length: x.size }, () => generator.uniform(-1, 1)))
        optimizer.prepare({ learningRate: schedule(step), step })
        average.prepare(0.9 + step / 100)
        if (!recorded) launches()
        else if (program) device.replay(program)
        else program = await device.record(launches)
      }
      const results = new Map<string, unknown>()
      for (const [name, { data }] of await mlp.stateDict()) {
        results.set(name, data)
        assert.notDeepEqual(data, first.get(name)!.data, `${name} never changed`)
      }
      for (const [name, moment] of optimizer.state()) results.set(name, await moment.data())
      for (const { name, tensor } of average.target.slots) results.set(`average.${name}`, await tensor.data())
      if (program) device.release(program)
      return results
    }

    for (const [name, make] of Object.entries(makers)) {
      it(`with ${name} gives the same bits as the eager one`, async () => {
        const eager = await train(make, false)
        const recorded = await train(make, true)
        // 5 parameters, 2 statistics, their averages and at least one moment.
        assert.ok(eager.size >= 17)
        assert.deepEqual(recorded, eager)
      })
    }
  })
}
