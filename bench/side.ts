import type { Case, OpSpec } from './case.js'
import type { Pace } from './pace.js'

/** One implementation of one case, its inputs where they must be, ready to run. */
export interface Side {
  /**
   * Runs the case `count` times and resolves when the last has ended.
   * @returns whether it may have slept past the end
   */
  batch(count: number, pace: Pace): Promise<boolean>
  /** Milliseconds for which the host worked in the last batch, before it waited; absent where nobody knows. */
  hostMs?(): number
  dispose(): void
}

/** For a library that has neither products in half precision nor a network to train. @throws Error in words */
export function opOf({ spec }: Case): OpSpec {
  if (spec.op === 'simclr') throw new Error('is measured op by op, not in training')
  if (spec.precision !== undefined) throw new Error(`multiplies in float32 here, not in ${spec.precision}`)
  return spec
}

/** A library that is measured. */
export interface Runner {
  readonly name: string
  readonly version: string
  /** Cases that it is there for; all when absent. */
  takes?(benchmark: Case): boolean
  /** @throws whatever the library says where it cannot run the case */
  prepare(benchmark: Case): Promise<Side>
  close(): Promise<void>
}

/** What a queue needs to be waited for politely. */
export interface Queue {
  /** Hands everything that was started to the device. */
  submit(): void | Promise<void>
  /** Resolves when the device is done. */
  drained(): Promise<unknown>
}

/** A side whose `run` only queues work. */
export function queuedSide(run: () => void | Promise<void>, { submit, drained }: Queue, dispose: () => void): Side {
  let hostMs = 0
  return {
    async batch(count, pace) {
      const begun = performance.now()
      for (let i = 0; i < count; i++) {
        const started = run()
        if (started) await started
      }
      await submit()
      hostMs = performance.now() - begun
      await pace.sleep(begun)
      const asked = performance.now()
      await drained()
      return pace.learn(begun, asked)
    },
    hostMs: () => hostMs,
    dispose,
  }
}

/** Waits for a GPU queue by four bytes copied at its end. */
export function fence(gpu: GPUDevice): () => Promise<void> {
  const COPY_SRC = 0x04
  const COPY_DST = 0x08
  const MAP_READ = 0x01
  const source = gpu.createBuffer({ size: 4, usage: COPY_SRC })
  const target = gpu.createBuffer({ size: 4, usage: COPY_DST | MAP_READ })
  return async () => {
    const encoder = gpu.createCommandEncoder()
    encoder.copyBufferToBuffer(source, 0, target, 0, 4)
    gpu.queue.submit([encoder.finish()])
    await target.mapAsync(MAP_READ)
    target.unmap()
  }
}
