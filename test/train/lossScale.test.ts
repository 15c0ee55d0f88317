import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { DeviceError } from '../../src/device/errors.js'
import { open } from '../../src/open.js'
import { readTensors, writeTensors } from '../../src/train/session.js'
import { runSteps, tinyRun, valuesOf } from './tiny.js'

describe('a training step in float16', () => {
  let device: Device

  before(async () => {
    device = await open({ device: 'webgpu' })
  })

  after(() => device.close())

  it('learns as in float32, with a scaled loss', async () => {
    const [half, whole] = [tinyRun(device, { precision: 'float16' }), tinyRun(device)]
    for (const run of [half, whole]) await runSteps(run, 0, 4)
    const [scaled, plain] = [await half.step.metrics(4), await whole.step.metrics(4)]
    assert.deepEqual(half.step.metricNames, [...whole.step.metricNames, 'lossScale'])
    for (const [step, { loss, lossScale }] of scaled.entries()) {
      assert.equal(lossScale, 65_536)
      assert.notEqual(loss, plain[step]!.loss)
      assert.ok(Math.abs(loss - plain[step]!.loss) < 1e-2, `loss ${loss}, in float32 ${plain[step]!.loss}`)
    }
  })

  it('that overflows is skipped bit for bit, and the scale comes down until one does not', async () => {
    const run = tinyRun(device, { precision: 'float16' })
    const trained = () =>
      readTensors(
        new Map([
          ...run.model.parameters.slots.map(({ name, tensor }) => [name, tensor] as const),
          ...run.optimizer.state(),
        ]),
      )
    const before = await trained()
    run.lossScale!.scale.write(Float32Array.of(2 ** 126))
    await runSteps(run, 0, 2)
    assert.equal(await run.lossScale!.scale.item(), 2 ** 124)
    assert.deepEqual(await trained(), before)
    run.lossScale!.scale.write(Float32Array.of(2 ** 16))
    await runSteps(run, 2, 3)
    for (const [name, { data }] of await trained()) assert.notDeepEqual(data, before.get(name)!.data, name)
  })

  it('goes on from its state as if it had never stopped', async () => {
    const whole = tinyRun(device, { precision: 'float16' })
    whole.lossScale!.scale.write(Float32Array.of(2 ** 126))
    await runSteps(whole, 0, 2)
    const resumed = tinyRun(device, { precision: 'float16' })
    writeTensors(resumed.state, await readTensors(whole.state), 'memory')
    for (const run of [whole, resumed]) await runSteps(run, 2, 4)
    assert.deepEqual(await valuesOf(resumed), await valuesOf(whole))
    assert.deepEqual(await resumed.step.metrics(4), (await whole.step.metrics(4)).slice(2))
    assert.equal(await resumed.lossScale!.scale.item(), 2 ** 122)
  })

  it('is refused on the CPU device, which has none', async () => {
    const cpu = await open({ device: 'cpu' })
    try {
      const run = tinyRun(cpu, { precision: 'float16' })
      await assert.rejects(
        () => run.step.run(0),
        error => error instanceof DeviceError && /float16/.test(error.message),
      )
    } finally {
      await cpu.close()
    }
  })
})
