/** Where the time of a training step goes: launches timed by the device, grouped by op and shape. */
import type { DeviceInfo, LaunchTime } from '../../device/device.js'
import { ConfigError } from '../../device/errors.js'
import { type Launch, slicesOf } from '../../device/launch.js'
import type { Config } from '../config.js'
import type { Log } from '../log.js'
import { loadImages, openSession } from '../session.js'
import { shapeOf } from './shapeOf.js'

/** Launches of the same op and shape, by the step. */
export interface LaunchGroup {
  readonly op: string
  readonly shape: string
  /** Launches a step. */
  readonly count: number
  readonly ms: number
  /** Of the step's time, from 0 to 1. */
  readonly share: number
  /** Bytes of all operands, each counted once: what has to move at least, unless an op touches parts of one only. */
  readonly bytes: number
  /** `bytes` over the time. */
  readonly gb_s: number
}

/** Time in which no launch ran. */
export interface Idle {
  readonly ms: number
  readonly share: number
  /** The longest gap, and the ops on either side of it. */
  readonly longest: { readonly ms: number; readonly after: string; readonly before: string } | null
}

export interface Breakdown {
  /** From the first launch's begin to the last one's end, by the step. */
  readonly step_ms: number
  readonly idle: Idle
  /** The longest first. */
  readonly launches: readonly LaunchGroup[]
}

export interface Profile extends Breakdown {
  readonly method: string
  readonly data: string
  readonly encoder: string
  readonly batch: number
  readonly precision: string
  readonly device: string
  readonly adapter: string
  readonly driver: string
  readonly software: boolean
  /** Steps that were timed, after two that were not. */
  readonly steps: number
  readonly images_per_s: number
}

// The first step records and compiles, the second one finds the memory warm.
const WARM_UP = 2

/**
 * Trains `steps` steps with every launch timed, after two that are not. Nothing is kept.
 *
 * @throws ConfigError, DataError, and DeviceError where the device cannot time launches
 */
export async function profileTraining(
  config: Config,
  { steps, log }: { readonly steps: number; readonly log: Log },
): Promise<{ readonly profile: Profile; readonly times: readonly LaunchTime[] }> {
  const session = await openSession(config, await loadImages(config, log))
  try {
    const { device, step } = session
    wantTimestamps(device.info)
    for (let k = 0; k < WARM_UP; k++) await step.run(k)
    await device.settle()
    const times = await device.trace(async () => {
      for (let k = WARM_UP; k < WARM_UP + steps; k++) await step.run(k)
    })
    const breakdown = breakdownOf(times, steps)
    const { kind, name, driver, software } = device.info
    const { data, encoder, batch, precision } = config
    return {
      profile: {
        method: session.method.name,
        data,
        encoder,
        batch,
        precision,
        device: kind,
        adapter: name,
        driver,
        software,
        steps,
        images_per_s: (1000 * batch) / breakdown.step_ms,
        ...breakdown,
      },
      times,
    }
  } finally {
    await session.close()
  }
}

function wantTimestamps({ kind, name, features }: DeviceInfo): void {
  if (kind === 'webgpu' && !features.has('timestamp-query')) {
    throw new ConfigError(`device: ${name} has no timestamp queries, without which no launch can be timed; use cpu`)
  }
}

/** Launch times of `steps` steps, by the step. */
export function breakdownOf(times: readonly LaunchTime[], steps: number): Breakdown {
  const whole = times.length === 0 ? 0 : times.at(-1)!.end - times[0]!.begin
  const perStep = (nanoseconds: number) => nanoseconds / 1e6 / steps
  const groups = new Map<string, { op: string; shape: string; launches: LaunchTime[] }>()
  const names = new Map<Launch, string>()
  for (const time of times) {
    const { launch } = time
    const shape = names.get(launch) ?? shapeOf(launch)
    names.set(launch, shape)
    const key = `${launch.op} ${shape}`
    const group = groups.get(key)
    if (group) group.launches.push(time)
    else groups.set(key, { op: launch.op, shape, launches: [time] })
  }
  const launches = [...groups.values()].map(({ op, shape, launches }): LaunchGroup => {
    const time = launches.reduce((sum, { begin, end }) => sum + end - begin, 0)
    const bytes = launches.reduce((sum, { launch }) => sum + bytesOf(launch), 0)
    return {
      op,
      shape,
      count: launches.length / steps,
      ms: perStep(time),
      share: time / whole,
      bytes: bytes / steps,
      gb_s: bytes / time,
    }
  })
  return {
    step_ms: perStep(whole),
    idle: idleOf(times, steps),
    launches: launches.sort((a, b) => b.ms - a.ms),
  }
}

function idleOf(times: readonly LaunchTime[], steps: number): Idle {
  let [idle, longest]: [number, Idle['longest']] = [0, null]
  for (const [i, { launch, begin }] of times.entries()) {
    const before = times[i - 1]
    const gap = before === undefined ? 0 : Math.max(begin - before.end, 0)
    idle += gap
    if (gap > 1e6 * (longest?.ms ?? 0)) longest = { ms: gap / 1e6, after: before!.launch.op, before: launch.op }
  }
  const whole = times.length === 0 ? 1 : times.at(-1)!.end - times[0]!.begin
  return { ms: idle / 1e6 / steps, share: idle / whole, longest }
}

function bytesOf(launch: Launch): number {
  return slicesOf(launch).reduce((sum, { bytes }) => sum + bytes, 0)
}
