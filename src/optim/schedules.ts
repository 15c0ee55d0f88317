import { ConfigError } from '../device/errors.js'

/** A number for every step, from step 0. */
export type Schedule = (step: number) => number

export function constant(value: number): Schedule {
  return () => value
}

export interface WarmupCosineOptions {
  /** The value at the end of the warm-up. */
  readonly base: number
  readonly warmupSteps: number
  readonly totalSteps: number
  /** The value at step `totalSteps`. @default 0 */
  readonly final?: number
  /**
   * Step k of a warm-up of W steps: `fromZero` base·k/W, as in SimCLR's code (its first step changes nothing);
   * `fromFirst` base·(k + 1)/W, which reaches base one step earlier. @default 'fromZero'
   */
  readonly warmupForm?: 'fromZero' | 'fromFirst'
}

/**
 * A linear warm-up, then half a cosine from `base` to `final` over the steps that are left (Loshchilov & Hutter, 2016,
 * https://arxiv.org/abs/1608.03983, without restarts). From `totalSteps` on it stays at `final`.
 *
 * @throws ConfigError unless 0 ≤ warmupSteps ≤ totalSteps.
 */
export function warmupCosine(options: WarmupCosineOptions): Schedule {
  const { base, warmupSteps, totalSteps, final = 0, warmupForm = 'fromZero' } = options
  if (!(warmupSteps >= 0 && warmupSteps <= totalSteps)) {
    throw new ConfigError(`warmupCosine: wants a warm-up of 0 to ${totalSteps} steps, got ${warmupSteps}`)
  }
  const ahead = warmupForm === 'fromFirst' ? 1 : 0
  return step => {
    if (step < warmupSteps) return (base * (step + ahead)) / warmupSteps
    if (step >= totalSteps) return final
    return final + (base - final) * halfCosine((step - warmupSteps) / (totalSteps - warmupSteps))
  }
}

/**
 * base·½(1 + cos(π k / total))·min(1, (k + 1) / (ramp·total + 1)): the cosine runs from the first step and the ramp is
 * multiplied on it.
 */
export function peerCosine(options: {
  readonly base: number
  readonly totalSteps: number
  readonly ramp?: number
}): Schedule {
  const { base, totalSteps, ramp = 0.05 } = options
  return step => base * halfCosine(step / totalSteps) * Math.min(1, (step + 1) / (totalSteps * ramp + 1))
}

/** `base`, times `factor` from each of the steps `drops` on: the schedule of most networks before the cosine. */
export function stepDecay(options: {
  readonly base: number
  readonly factor: number
  readonly drops: readonly number[]
}): Schedule {
  const { base, factor, drops } = options
  return step => base * factor ** drops.filter(drop => step >= drop).length
}

/**
 * The momentum of BYOL's target network: 1 − (1 − base)·½(1 + cos(π k / total)), from `base` to 1 (Grill et al., 2020,
 * https://arxiv.org/abs/2006.07733).
 */
export function cosineMomentum(options: { readonly base: number; readonly totalSteps: number }): Schedule {
  const { base, totalSteps } = options
  return step => 1 - (1 - base) * halfCosine(Math.min(step / totalSteps, 1))
}

/** From 0 to 1 in equal steps; 1 from step `steps` on. */
export function linearRamp(steps: number): Schedule {
  return step => (steps > 0 ? Math.min(Math.max(step / steps, 0), 1) : 1)
}

/** exp(−5(1 − k/steps)²), then 1: the ramp-up of consistency costs (Laine & Aila, 2016; Mean Teacher). */
export function sigmoidRamp(steps: number): Schedule {
  const linear = linearRamp(steps)
  return step => Math.exp(-5 * (1 - linear(step)) ** 2)
}

/** rate·batch / 256 (Goyal et al., 2017, https://arxiv.org/abs/1706.02677). */
export function linearScaling(rate: number, batch: number): number {
  return (rate * batch) / 256
}

/** rate·√batch; SimCLR's rate for small batches is 0.075 (Chen et al., 2020, appendix B.1). */
export function squareRootScaling(rate: number, batch: number): number {
  return rate * Math.sqrt(batch)
}

/** 1 at t = 0, 0 at t = 1. */
function halfCosine(t: number): number {
  return (1 + Math.cos(Math.PI * t)) / 2
}
