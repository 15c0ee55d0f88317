import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { encoder } from '../../src/nn/encoders.js'
import { ModelState } from '../../src/nn/state.js'
import { TargetNetwork } from '../../src/ssl/targetNetwork.js'
import { TiCo } from '../../src/ssl/tico.js'
import { tensor } from '../../src/tensor/create.js'
import { Generator } from '../../src/tensor/philox.js'
import { scope } from '../../src/tensor/scope.js'
import { simclrView } from '../../src/views/presets.js'
import { devices } from '../conformance/devices.js'
import { tinyRun } from '../train/tiny.js'
import { batchOf } from './batch.js'
import { checkGradients, checkLearning, checkRecording, checkResume, noise, Unchanged } from './runs.js'

const view = simclrView({ size: 8, mean: [0.5], std: [0.25], strength: 0.5, blur: false })
const settings = { method: 'tico', projector: [8, 6] }

for (const { name, open } of devices) {
  describe(`ssl/tico on ${name}`, () => {
    let device: Device

    before(async () => {
      device = await open()
    })

    after(() => device.close())

    it('follows a hand-written trace of losses and covariances', async () => {
      const networks = () => ({ encoder: new Unchanged(2, device), projector: new Unchanged(2, device) })
      const method = new TiCo(networks(), new TargetNetwork(networks(), { momentum: () => 1 }), {
        covarianceMomentum: 0.5,
        rho: 2,
        dimension: 2,
        views: [view, view],
      })
      method.attach(new ModelState(method.modules))
      const covariance = new Map(method.state()).get('covariance')!
      const step = async (first: number[][], second: number[][]) => {
        const views = [first, second].map(rows => tensor(rows, { shape: [2, 1, 1, 2], device }))
        const loss = scope(() => {
          const { loss } = method.loss(batchOf(...views))
          method.afterStep()
          return loss
        })
        return [await loss.item(), ...(await covariance.data())]
      }
      const near = (found: number[], expected: number[]) => {
        expected.forEach((value, i) => {
          assert.ok(Math.abs(found[i]! - value) < 1e-6, `${found} instead of ${expected}`)
        })
      }
      const [right, up] = [
        [2, 0],
        [0, 3],
      ]
      // C = ½·e1e1ᵀ; both views agree: −1 + 2·½.
      near(await step([right, right], [right, right]), [0, 0.5, 0, 0, 0])
      // C = ½·C + ½·diag(½, ½) = diag(½, ¼); views at right angles: 0 + 2·(½ + ¼)/2.
      near(await step([right, up], [up, right]), [0.75, 0.5, 0, 0, 0.25])
      // ẑ = (e1 + e2)/√2 twice, its square ½ everywhere: C = (½, ¼, ¼, ⅜); 2·½·(½ + ¼ + ¼ + ⅜), less 1/√2.
      const both = [1, 1]
      near(await step([both, both], [right, up]), [1.375 - Math.SQRT1_2, 0.5, 0.25, 0.25, 0.375])
    })

    it('has chance ρ / D', async () => {
      const run = tinyRun(device, { ...settings, options: { rho: 12 } })
      assert.equal(run.method.chance(8), 2)
    })

    it('sends a gradient to every online parameter and none to the momentum encoder', async () => {
      const networks = (seed: number) => {
        const generator = new Generator(seed)
        const network = encoder('resnet8', { inputChannels: 1, width: 4, generator })
        return { encoder: network, projector: new Unchanged(network.featureDimension, device) }
      }
      const target = networks(4)
      const method = new TiCo(networks(3), new TargetNetwork(target, { momentum: () => 1 }), {
        covarianceMomentum: 0.9,
        rho: 8,
        dimension: target.encoder.featureDimension,
        views: [view, view],
      })
      await checkGradients(method, batchOf(noise(6, 1), noise(6, 2)))
      for (const module of Object.values(target)) {
        for (const parameter of module.parameters()) assert.equal(parameter.requiresGradient, false)
      }
    })

    it('is the same recorded, and goes on from a checkpoint with the same bits', async () => {
      await checkRecording(device, settings)
      await checkResume(device, settings)
    })

    it('learns, once the covariance has grown', () => {
      const options = { covarianceMomentum: 0.5, rho: 1 }
      return checkLearning(device, { ...settings, options, optimizer: { learningRate: 0.5 } }, { from: 5 })
    })
  })
}
