import type { Buffer, Device, LaunchTime, Slice } from '../device.js'
import { DeviceError, DeviceLostError } from '../errors.js'
import { isSlice, type Launch } from '../launch.js'
import { type Candidate, candidatesOf, type Dispatch, type Target } from './plan.js'

/** Rounds of all candidates in turn; the least time of each counts, since whatever disturbs makes it longer. */
const ROUNDS = 7

/** So much faster than the planner's own choice must another plan be: less is noise. */
const MARGIN = 0.03

/** What a tuner asks of its device. */
export type Bench = Pick<Device, 'plans' | 'alloc' | 'free' | 'launch' | 'trace'>

/** Plans that were found before, on a device like this one: `Device.plans` as an object. */
export interface PlanCache {
  read(): Promise<Readonly<Record<string, string>>>
  write(plans: Readonly<Record<string, string>>): Promise<void>
}

/**
 * Times the plans of launches that have several, once a shape, by timestamps on operands of the same sizes made for it,
 * and writes the fastest into `plans`. Only among plans with the same results (`Candidates`), so that what the clock says
 * decides about time alone.
 */
export class Tuner {
  private readonly known = new Set<string>()

  constructor(
    private readonly bench: Bench,
    private readonly target: Target,
    /** Compiles what these dispatches need, side by side. */
    private readonly prepare: (dispatches: readonly Dispatch[]) => Promise<unknown>,
  ) {}

  /** @returns whether anything was timed */
  async tune(launches: readonly Launch[]): Promise<boolean> {
    const open = new Map<string, { launch: Launch; candidates: readonly Candidate[] }>()
    for (const launch of launches) {
      const key = shapeKey(launch)
      if (this.known.has(key) || open.has(key)) continue
      this.known.add(key)
      const candidates = candidatesOf(launch, this.target)
      const chosen = this.bench.plans.get(key)
      const decided = chosen === OWN || candidates.some(({ name }) => name === chosen)
      if (candidates.length > 0 && !decided) open.set(key, { launch, candidates })
    }
    await this.prepare([...open.values()].flatMap(({ candidates }) => candidates.flatMap(({ plan }) => plan)))
    for (const [key, { launch, candidates }] of open) await this.choose(key, launch, candidates)
    return open.size > 0
  }

  private async choose(key: string, launch: Launch, candidates: readonly Candidate[]): Promise<void> {
    const { plans } = this.bench
    const names = [OWN, ...candidates.map(({ name }) => name)]
    const made: Buffer[] = []
    try {
      const copy = this.standIn(launch, made)
      const times = await this.bench.trace(async () => {
        for (let round = 0; round <= ROUNDS; round++) {
          for (const name of names) {
            plans.set(key, name)
            this.bench.launch(copy)
          }
        }
      })
      plans.set(key, names[fastest(times, names.length)]!)
    } catch (error) {
      // Without room for a copy of the operands the planner's choice stands.
      plans.delete(key)
      if (!(error instanceof DeviceError) || error instanceof DeviceLostError) throw error
    } finally {
      for (const buffer of made) this.bench.free(buffer)
    }
  }

  /** The same launch on memory of its own, which is put into `made`, whatever lies in it. */
  private standIn(launch: Launch, made: Buffer[]): Launch {
    const replace = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(replace)
      if (!isSlice(value)) return value
      const buffer = this.bench.alloc(value.bytes)
      made.push(buffer)
      return { buffer, offset: 0, bytes: value.bytes } satisfies Slice
    }
    return Object.fromEntries(Object.entries(launch).map(([name, value]) => [name, replace(value)])) as Launch
  }
}

/** In `plans`: the planner's own choice was the fastest. */
export const OWN = 'own'

/** The place of the fastest of `count` plans that took turns; the first round warms up. Exported for its test. */
export function fastest(times: readonly LaunchTime[], count: number): number {
  const least = Array<number>(count).fill(Number.POSITIVE_INFINITY)
  for (const [i, { begin, end }] of times.entries()) {
    if (i >= count) least[i % count] = Math.min(least[i % count]!, end - begin)
  }
  const best = least.indexOf(Math.min(...least))
  return least[best]! < (1 - MARGIN) * least[0]! ? best : 0
}

/** The dispatches of the plan that `plans` names, or nothing where the planner decides. */
export function chosenPlan(
  launch: Launch,
  target: Target,
  plans: ReadonlyMap<string, string>,
): readonly Dispatch[] | undefined {
  if (plans.size === 0) return undefined
  const name = plans.get(shapeKey(launch))
  if (name === undefined || name === OWN) return undefined
  return candidatesOf(launch, target).find(candidate => candidate.name === name)?.plan
}

/** What two launches have in common that the same plan suits: all but where their operands lie. */
export function shapeKey(launch: Launch): string {
  const fields = Object.entries(launch as Readonly<Record<string, unknown>>)
    .filter(([name, value]) => name !== 'op' && value !== undefined)
    .map(([name, value]) => (isSlice(value) ? name : `${name}=${value}`))
    .sort()
  return [(launch as { op: string }).op, ...fields].join(' ')
}
