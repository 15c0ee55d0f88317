import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { ShapeError } from '../../src/device/errors.js'
import { copyInto } from '../../src/nn/copyInto.js'
import { ModelState } from '../../src/nn/state.js'
import { VisionTransformer } from '../../src/nn/vit.js'
import { TargetNetwork } from '../../src/ssl/targetNetwork.js'
import { zeros } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import { scope } from '../../src/tensor/scope.js'
import { devices } from '../conformance/devices.js'

for (const { name, open } of devices) {
  describe(`ssl/targetNetwork on ${name}`, () => {
    let device: Device

    before(async () => {
      device = await open()
    })

    after(() => device.close())

    const encoder = (seed: number) =>
      new VisionTransformer({
        inputChannels: 1,
        imageSize: 4,
        patchSize: 2,
        width: 8,
        depth: 1,
        frozenPatches: true,
        generator: new Generator(seed),
        device,
      })

    const start = (copied: boolean) => {
      const online = encoder(1)
      const target = new TargetNetwork({ encoder: encoder(2) }, { momentum: () => 0.75, copied })
      target.attach(new ModelState({ encoder: online }))
      return { online, target }
    }

    it('begins as a copy, of what is frozen too, and then follows what is trained', async () => {
      const { online, target } = start(true)
      const begin = await online.stateDict()
      assert.deepEqual(await target.modules.encoder.stateDict(), begin)
      online.classToken.write(new Float32Array(8).fill(1))
      target.prepare(0)
      target.update()
      const token = begin.get('classToken')!.data
      const moved = await target.modules.encoder.classToken.data()
      moved.forEach((value, i) => {
        assert.ok(Math.abs(value - (0.75 * token[i]! + 0.25)) < 1e-6)
      })
      const { projection } = target.modules.encoder
      assert.deepEqual(await projection.weight.data(), begin.get('projection.weight')!.data)
    })

    it('keeps weights of its own where asked for', async () => {
      const { target } = start(false)
      assert.deepEqual(await target.modules.encoder.stateDict(), await encoder(2).stateDict())
    })

    it('leaves nothing in memory but its result', async () => {
      const { target } = start(true)
      await device.settle()
      const images = zeros([2, 4, 4, 1], { device })
      const { buffers } = device.memory()
      const made = scope(() => {
        const features = target.forward(modules => modules.encoder.forward(images))
        return { features, during: device.memory().buffers }
      })
      assert.deepEqual(made.features.shape, [2, 8])
      await device.settle()
      assert.equal(device.memory().buffers, buffers + 1)
      assert.equal(made.during, buffers + 1, 'given back at once, not where the step ends')
    })

    it('copies tensors of one shape alone', () => {
      assert.throws(
        () => copyInto(zeros([2, 3], { device }), zeros([3, 2], { device })),
        (error: Error) =>
          error instanceof ShapeError && /wants a tensor of the shape \[3,2\], got \[2,3\]/.test(error.message),
      )
    })
  })
}
