import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { ConfigError, ShapeError } from '../../src/device/errors.js'
import { EMA } from '../../src/optim/ema.js'
import { devices } from '../conformance/devices.js'
import { arenaOf, distance, pageBytes, weightsOf } from './plain.js'

for (const { name, open } of devices) {
  describe(`optim/ema on ${name}`, () => {
    let device: Device

    before(async () => {
      device = await open()
    })

    after(() => device.close())

    it('averages page by page', async () => {
      const target = weightsOf(1)
      const source = weightsOf(2)
      const arena = arenaOf(target, device, pageBytes)
      const ema = new EMA(arena, arenaOf(source, device, pageBytes))
      for (const momentum of [0.996, 0.5]) {
        ema.prepare(momentum)
        ema.step()
        for (const [name, values] of target) {
          target.set(
            name,
            values.map((value, i) => momentum * value + (1 - momentum) * source.get(name)![i]!),
          )
        }
      }
      assert.equal(arena.pages.length, 3)
      assert.ok((await distance(arena, target)) < 3e-7)
    })

    it('copies at momentum 0 and stands still at 1', async () => {
      const arena = arenaOf(weightsOf(1), device)
      const ema = new EMA(arena, arenaOf(weightsOf(2), device))
      ema.prepare(1)
      ema.step()
      assert.equal(await distance(arena, weightsOf(1)), 0)
      ema.prepare(0)
      ema.step()
      assert.equal(await distance(arena, weightsOf(2)), 0)
    })

    it('refuses another layout and another momentum', () => {
      const arena = arenaOf(weightsOf(1), device)
      assert.throws(() => new EMA(arena, arenaOf(weightsOf(1), device, pageBytes)), ShapeError)
      assert.throws(() => new EMA(arena, arena.like()).prepare(1.01), ConfigError)
    })
  })
}
