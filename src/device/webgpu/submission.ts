import { encodeParams } from './kernel.js'
import { PARAMS_SLOT, type Pipelines } from './pipelines.js'
import type { Command } from './recording.js'
import type { Trace } from './trace.js'
import type { Waiter, Work } from './waiter.js'

/** Commands of one submission: enough to keep the queue busy, few enough that an eager batch starts soon. */
export const MOST_COMMANDS = 256
const MOST_RECENT = 4096

/** A command with everything that encoding it needs. */
interface Encoded {
  readonly command: Command
  readonly pipeline: GPUComputePipeline
  readonly group: GPUBindGroup
  readonly grid: readonly [number, number, number]
}

/** Commands that can be submitted again and again, with their parameters on the device. */
export interface Prepared {
  readonly encoded: readonly Encoded[]
  readonly params: GPUBuffer
  readonly paramsGroup: GPUBindGroup
}

/** Puts commands on the queue, and finds among the latest ones what a failure came from. */
export class Submission {
  /** Times every dispatch while it is there. */
  trace: Trace | undefined
  private readonly params: GPUBuffer
  private readonly paramsGroup: GPUBindGroup
  private readonly paramsData = new DataView(new ArrayBuffer(MOST_COMMANDS * PARAMS_SLOT))
  private recent: Command[] = []

  constructor(
    private readonly gpu: GPUDevice,
    private readonly pipelines: Pipelines,
    private readonly waiter: Waiter,
  ) {
    this.params = gpu.createBuffer({ size: MOST_COMMANDS * PARAMS_SLOT, usage: 0x40 | 0x08 })
    this.paramsGroup = pipelines.paramsGroup(this.params)
  }

  /** Runs commands that are not recorded: their parameters share one buffer, written anew for every batch. */
  submit(commands: Command[], tail?: (encoder: GPUCommandEncoder) => void): void {
    commands.forEach(({ kernel, dispatch }, i) => {
      encodeParams(kernel, dispatch, this.paramsData, i * PARAMS_SLOT)
    })
    if (commands.length > 0) {
      this.gpu.queue.writeBuffer(
        this.params,
        0,
        this.paramsData.buffer as ArrayBuffer,
        0,
        commands.length * PARAMS_SLOT,
      )
    }
    this.run({ encoded: this.encode(commands), paramsGroup: this.paramsGroup }, workOf(commands), tail)
  }

  prepare(commands: readonly Command[]): Prepared {
    const params = this.gpu.createBuffer({ size: Math.max(commands.length, 1) * PARAMS_SLOT, usage: 0x40 | 0x08 })
    const data = new DataView(new ArrayBuffer(params.size))
    commands.forEach(({ kernel, dispatch }, i) => {
      encodeParams(kernel, dispatch, data, i * PARAMS_SLOT)
    })
    this.gpu.queue.writeBuffer(params, 0, data.buffer)
    return { encoded: this.encode(commands), params, paramsGroup: this.pipelines.paramsGroup(params) }
  }

  /** One encoder, one pass (while tracing one a dispatch), one command buffer. */
  run(
    { encoded, paramsGroup }: Pick<Prepared, 'encoded' | 'paramsGroup'>,
    work: Work,
    tail?: (encoder: GPUCommandEncoder) => void,
  ): void {
    this.remember(encoded)
    const encoder = this.gpu.createCommandEncoder()
    const dispatch = (pass: GPUComputePassEncoder, i: number) => {
      const { pipeline, group, grid } = encoded[i]!
      if (this.trace || pipeline !== encoded[i - 1]?.pipeline) pass.setPipeline(pipeline)
      pass.setBindGroup(0, group)
      pass.setBindGroup(1, paramsGroup, [i * PARAMS_SLOT])
      pass.dispatchWorkgroups(...grid)
    }
    if (this.trace) {
      const commands = encoded.map(({ command }) => command)
      this.trace.encode(encoder, commands, dispatch)
    } else if (encoded.length > 0) {
      const pass = encoder.beginComputePass()
      for (let i = 0; i < encoded.length; i++) dispatch(pass, i)
      pass.end()
    }
    tail?.(encoder)
    this.waiter.mark(encoder, work)
    this.gpu.queue.submit([encoder.finish()])
  }

  /** All that was submitted so far is known to have gone well. */
  forget(): void {
    this.recent = []
  }

  /** Runs the recent launches again, one by one under error scopes, to find the one that fails. */
  async culprit(): Promise<string | undefined> {
    const suspects = this.recent
    this.recent = []
    for (const command of suspects) {
      this.gpu.pushErrorScope('validation')
      let thrown: unknown
      try {
        this.submit([command])
      } catch (error) {
        thrown = error
      }
      const failed = await this.gpu.popErrorScope()
      if (failed || thrown) return `${command.launch.op} (kernel ${command.kernel.key})`
    }
    return undefined
  }

  private encode(commands: readonly Command[]): Encoded[] {
    return commands.map(command => {
      const { kernel, dispatch } = command
      const group = this.pipelines.bindGroup(kernel, dispatch.bindings)
      return { command, pipeline: this.pipelines.get(kernel), group, grid: dispatch.grid }
    })
  }

  private remember(encoded: readonly Encoded[]): void {
    for (const { command } of encoded) this.recent.push(command)
    if (this.recent.length > MOST_RECENT) this.recent = this.recent.slice(-MOST_RECENT)
  }
}

function workOf(commands: readonly Command[]): Work {
  const work = new Map<string, number>()
  for (const { kernel, dispatch } of commands) work.set(kernel.key, (work.get(kernel.key) ?? 0) + dispatch.work)
  return work
}
