import assert from 'node:assert/strict'
import { ConfigError } from '../../src/device/errors.js'
import { AT, PARAMETERS } from '../../src/ops/augment.js'
import { Generator } from '../../src/tensor/philox.js'
import { dinoViews, multiCrop, swavViews } from '../../src/views/multiCrop.js'
import type { DrawnViews } from '../../src/views/plan.js'
import { simclrView } from '../../src/views/presets.js'

const rgb = { size: 32, mean: [0.5, 0.4, 0.3], std: [0.2, 0.3, 0.25], strength: 1, blur: true }
const source = { height: 320, width: 320 }
const sizes = { localCount: 6, localSize: 16 }

/** The smallest and the largest share of the image that the crops of one view show. */
function areas({ parameters }: DrawnViews, view: number): [number, number] {
  const drawn = parameters[view]!
  const shares = Array.from({ length: drawn.length / PARAMETERS }, (_, i) => {
    const [left, top, right, bottom] = drawn.subarray(i * PARAMETERS + AT.crop) as unknown as number[]
    return ((right! - left! + 1) * (bottom! - top! + 1)) / (source.height * source.width)
  })
  return [Math.min(...shares), Math.max(...shares)]
}

function assertAreas([least, most]: [number, number], low: number, high: number): void {
  assert.ok(least > low - 0.01 && least < low + 0.1 * (high - low) + 0.01, `smallest ${least}, wants ${low}`)
  assert.ok(most < high + 0.01 && most > high - 0.2 * (high - low) - 0.01, `largest ${most}, wants ${high}`)
}

describe('multiCrop', () => {
  it('has the large views first, then the small ones, each drawn by itself', () => {
    const spec = simclrView(rgb)
    const plan = multiCrop({ global: [spec, spec], local: spec, ...sizes })
    assert.deepEqual(
      plan.structures.map(({ height, width }) => [height, width]),
      [[32, 32], [32, 32], ...Array.from({ length: 6 }, () => [16, 16])],
    )
    const { parameters, targets } = plan.draw(new Generator(1), 3, source)
    assert.equal(targets, undefined)
    assert.equal(new Set(parameters.map(String)).size, 8)
    assert.throws(() => multiCrop({ global: [spec], local: spec, localCount: -1, localSize: 8 }), ConfigError)
  })

  it('SwAV: two of 14 to 100 % of the area, small ones of 5 to 14 %', () => {
    const drawn = swavViews({ ...rgb, ...sizes }).draw(new Generator(1), 400, source)
    for (const view of [0, 1]) assertAreas(areas(drawn, view), 0.14, 1)
    for (const view of [2, 7]) assertAreas(areas(drawn, view), 0.05, 0.14)
  })

  it('DINO: two of 40 to 100 %, small ones of 5 to 40 %; blurred always, rarely and half of the time', () => {
    const drawn = dinoViews({ ...rgb, ...sizes }).draw(new Generator(1), 400, source)
    for (const view of [0, 1]) assertAreas(areas(drawn, view), 0.4, 1)
    for (const view of [2, 7]) assertAreas(areas(drawn, view), 0.05, 0.4)
    const share = (view: number, test: (p: Float32Array) => boolean) => {
      const all = drawn.parameters[view]!
      return Array.from({ length: 400 }, (_, i) => test(all.subarray(i * PARAMETERS))).filter(Boolean).length / 400
    }
    const blurred = [0, 1, 2].map(view => share(view, p => p[AT.blur]! > 0))
    assert.equal(blurred[0], 1)
    assert.ok(Math.abs(blurred[1]! - 0.1) < 0.08 && Math.abs(blurred[2]! - 0.5) < 0.13, `${blurred}`)
    const solarised = [0, 1, 2].map(view => share(view, p => p[AT.solarise]! < 1))
    assert.deepEqual([solarised[0], solarised[2]], [0, 0])
    assert.ok(Math.abs(solarised[1]! - 0.2) < 0.1)
  })

  it('takes other areas, and shows more of grey images', () => {
    const asked = { ...rgb, ...sizes, globalArea: [0.5, 0.6], localArea: [0.2, 0.3] } as const
    const drawn = swavViews(asked).draw(new Generator(1), 400, source)
    assertAreas(areas(drawn, 0), 0.5, 0.6)
    assertAreas(areas(drawn, 5), 0.2, 0.3)
    const grey = dinoViews({ ...rgb, ...sizes, mean: [0.1], std: [0.3] }).draw(new Generator(1), 400, source)
    assertAreas(areas(grey, 0), 0.4, 1)
    assertAreas(areas(grey, 2), 0.2, 0.4)
  })
})
