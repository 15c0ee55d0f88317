/** What must stay the same for a run to go on with the same bits. */
import type { Device } from '../device/device.js'
import type { Log } from './log.js'

/** What a checkpoint keeps of where it was made. */
export interface Environment {
  /**
   * The CPU device names oneDNN's version and the number of threads as its driver, and has Winograd's algorithm among its
   * features.
   */
  readonly environment: Readonly<Record<string, string>>
  /** Of the autotuner: shape → plan. */
  readonly plans: Readonly<Record<string, string>>
}

export function environmentOf({ info, plans }: Device): Environment {
  const { name, driver, features } = info
  return {
    environment: { adapter: name, driver, features: [...features].sort().join(' ') },
    plans: Object.fromEntries(plans),
  }
}

/**
 * Takes the plans that a run began with, also where another one was found to be faster since, and warns of all else that
 * is no longer as it was.
 */
export function goOnAsBefore(device: Device, saved: Partial<Environment>, log: Log): void {
  for (const [shape, plan] of Object.entries(saved.plans ?? {})) {
    const other = device.plans.get(shape)
    if (other !== undefined && other !== plan) {
      log.info(`the plan of ${shape} is ${plan} as in the checkpoint, where ${other} was found since`)
    }
    device.plans.set(shape, plan)
  }
  for (const [what, now] of Object.entries(environmentOf(device).environment)) {
    const before = saved.environment?.[what]
    if (before !== now) log.warn(`${what} was ${before} and is ${now}: from here on the run is no longer bit-identical`)
  }
}
