import assert from 'node:assert/strict'
import {
  constant,
  cosineMomentum,
  linearRamp,
  linearScaling,
  peerCosine,
  type Schedule,
  sigmoidRamp,
  squareRootScaling,
  stepDecay,
  warmupCosine,
} from '../../src/optim/schedules.js'

function assertValues(schedule: Schedule, expected: Record<number, number>): void {
  for (const [step, value] of Object.entries(expected)) {
    const actual = schedule(Number(step))
    assert.ok(Math.abs(actual - value) < 1e-12, `step ${step}: ${actual}, wanted ${value}`)
  }
}

describe('optim/schedules', () => {
  it('constant', () => assertValues(constant(3), { 0: 3, 1000: 3 }))

  it('warm-up and cosine, from zero and from the first step', () => {
    const options = { base: 2, warmupSteps: 4, totalSteps: 12, final: 0.5 }
    const after = { 4: 2, 6: 0.5 + 0.75 * (1 + Math.SQRT1_2), 8: 1.25, 12: 0.5, 99: 0.5 }
    assertValues(warmupCosine(options), { 0: 0, 1: 0.5, 3: 1.5, ...after })
    assertValues(warmupCosine({ ...options, warmupForm: 'fromFirst' }), { 0: 0.5, 3: 2, ...after })
    assertValues(warmupCosine({ base: 1, warmupSteps: 0, totalSteps: 2 }), { 0: 1, 1: 0.5, 2: 0 })
    assert.throws(() => warmupCosine({ base: 1, warmupSteps: 3, totalSteps: 2 }), /warm-up of 0 to 2 steps, got 3/)
  })

  it('the cosine with a ramp multiplied on it', () => {
    // 40 steps: the ramp is min(1, (k + 1) / 3).
    const cosine = (step: number) => (1 + Math.cos((Math.PI * step) / 40)) / 2
    assertValues(peerCosine({ base: 0.06, totalSteps: 40 }), {
      0: 0.02,
      1: 0.04 * cosine(1),
      2: 0.06 * cosine(2),
      20: 0.03,
      39: 0.06 * cosine(39),
    })
  })

  it('steps down', () => {
    assertValues(stepDecay({ base: 3, factor: 0.1, drops: [5, 8] }), { 0: 3, 4: 3, 5: 0.3, 7: 0.3, 8: 0.03, 99: 0.03 })
    assertValues(stepDecay({ base: 3, factor: 0.1, drops: [] }), { 0: 3, 99: 3 })
  })

  it("BYOL's momentum grows to 1", () => {
    assertValues(cosineMomentum({ base: 0.96, totalSteps: 10 }), { 0: 0.96, 5: 0.98, 10: 1, 11: 1 })
  })

  it('ramps', () => {
    assertValues(linearRamp(4), { 0: 0, 1: 0.25, 4: 1, 9: 1 })
    assertValues(linearRamp(0), { 0: 1 })
    assertValues(sigmoidRamp(4), { 0: Math.exp(-5), 2: Math.exp(-1.25), 4: 1, 9: 1 })
  })

  it('scales with the batch', () => {
    assert.equal(linearScaling(0.06, 512), 0.12)
    assert.equal(squareRootScaling(0.075, 4096), 4.8)
  })
})
