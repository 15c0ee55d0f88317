import type { Limits, Slice } from '../device.js'
import type { Launch, LaunchName, LaunchOf } from '../launch.js'
import type { KernelName } from './kernels.generated.js'
import type { SubgroupMatrix } from './subgroupMatrix.js'

/** Memory that a plan needs between its own dispatches; the device lends it from the pool. */
export interface Scratch {
  readonly scratch: number
  readonly bytes: number
}

export type Binding = Slice | Scratch

/** One run of one kernel. */
export interface Dispatch {
  readonly kernel: KernelName
  /** Textual parameters `{{NAME}}` of the kernel file; part of the pipeline's key. */
  readonly parameters?: Readonly<Record<string, number | string>>
  /** Storage buffers of group 0, in the order of their `@binding` numbers. */
  readonly bindings: readonly Binding[]
  /** The fields of the kernel's `struct Params`, by name. */
  readonly params?: Readonly<Record<string, number>>
  /** Workgroups in x, y, z. */
  readonly grid: readonly [number, number, number]
  /** Multiply-adds or element visits, whichever is more: what `read` predicts its waiting time from. */
  readonly work: number
}

/** What a planner may look at beside the launch. */
export interface Target {
  readonly limits: Limits
  readonly features: ReadonlySet<string>
  /** A processor plays the GPU: workgroup barriers are dear there, registers and vec4 rows are cheap. */
  readonly software: boolean
  /** The matrix units, where there are any. */
  readonly subgroupMatrix?: SubgroupMatrix | undefined
}

/** A pure function from a launch to the dispatches that carry it out. */
export type Planner<Name extends LaunchName> = (launch: LaunchOf<Name>, target: Target) => readonly Dispatch[]

/** One of several plans of a launch. */
export interface Candidate {
  /** Its tile or kernel, as it stands in caches and checkpoints. */
  readonly name: string
  readonly plan: readonly Dispatch[]
}

/**
 * Plans that may take another's place: all of them add in the same order, so that their results are the same bits, and
 * none wants more scratch than the planner's own, which need not be among them. Pure, as a planner is.
 */
export type Candidates<Name extends LaunchName> = (launch: LaunchOf<Name>, target: Target) => readonly Candidate[]

const planners = new Map<string, Planner<LaunchName>>()
const candidates = new Map<string, Candidates<LaunchName>>()

/** Registers how the WebGPU device carries out an op. Called once by the op's own file. */
export function implement<Name extends LaunchName>(op: Name, planner: Planner<Name>): void {
  if (planners.has(op)) throw new Error(`the op ${op} is implemented twice for WebGPU`)
  planners.set(op, planner as unknown as Planner<LaunchName>)
}

/** Registers what a tuner may choose among. Called once by the op's own file. */
export function offer<Name extends LaunchName>(op: Name, plans: Candidates<Name>): void {
  candidates.set(op, plans as unknown as Candidates<LaunchName>)
}

/** What a tuner may choose among; nothing for most ops. */
export function candidatesOf(launch: Launch, target: Target): readonly Candidate[] {
  return candidates.get((launch as { op: string }).op)?.(launch, target) ?? []
}

/** The planner of an op, if WebGPU has one. */
export function plannerOf(op: string): ((launch: Launch, target: Target) => readonly Dispatch[]) | undefined {
  return planners.get(op) as ((launch: Launch, target: Target) => readonly Dispatch[]) | undefined
}

/** A scratch buffer of a plan; the same index in two dispatches is the same memory, as long as the longer of them. */
export function scratch(index: number, bytes: number): Scratch {
  return { scratch: index, bytes }
}

/** Workgroups folded over x and y, because one dimension ends at 65,535. Kernels fold back with `lib/index.wgsl`. */
export function fold(workgroups: number, limits: Limits): [number, number, number] {
  const most = limits.maxWorkgroupsPerDimension
  if (workgroups <= most) return [Math.max(workgroups, 1), 1, 1]
  const rows = Math.ceil(workgroups / most)
  return [Math.ceil(workgroups / rows), rows, 1]
}

/**
 * How a kernel that includes `lib/stream.wgsl` shares out `count` elements: the size of its workgroups, how many
 * elements an invocation takes, and the grid.
 *
 * A GPU wants many invocations, and neighbours that read neighbours. A software adapter carries a workgroup out eight
 * lanes at a time, each eight to their end, so that only a workgroup of eight walks through memory in order; and it
 * pays some 50 ns for eight lanes to begin with, about what eight vec4s take to copy. On two cores of lavapipe, ReLU of
 * 16 MiB took 6.3 ms of processor time with 256 invocations of 4 vec4s, and 3.7 ms with 8 of 256.
 */
export function stream(count: number, { software, limits }: Target) {
  const workgroup = software ? 8 : 256
  // At least 256 workgroups where there is enough to do, for adapters with more cores than two.
  const each = software ? Math.min(Math.max(tiles(count, 256 * workgroup), 16), 256) : 4
  return {
    parameters: { WORKGROUP: workgroup },
    params: { count, each },
    grid: fold(tiles(count, workgroup * each), limits),
  }
}

/** Ceiling division. */
export function tiles(size: number, tile: number): number {
  return Math.ceil(size / tile)
}
