/** What the device can do at most, measured: bytes by a copy, operations by multiply-adds that touch no memory. */
import type { Device, Slice } from '../src/device/device.js'
import { DeviceError } from '../src/device/errors.js'
import { fold, implement } from '../src/device/webgpu/plan.js'
import { Arena } from '../src/nn/arena.js'
import { matmul } from '../src/ops/matmul.js'
import { tensor, zeros } from '../src/tensor/create.js'
import { scope } from '../src/tensor/scope.js'
import { noise } from './case.js'
import { queueOf } from './ours.js'
import { interleaved, type SamplingOptions, SideError } from './sample.js'
import { queuedSide } from './side.js'

declare module '../src/device/launch.js' {
  interface Launches {
    /** Multiply-adds in registers, `turns` times 128 in each of `out.bytes / 16` invocations. */
    multiplyAddProbe: { out: Slice; turns: number }
  }
}

implement('multiplyAddProbe', ({ out, turns }, { limits }) => [
  {
    kernel: 'multiply_add_probe',
    bindings: [out],
    params: { turns, factor: 0.999, term: 0.001 },
    grid: fold(out.bytes / 16 / 64, limits),
    work: (out.bytes / 16) * turns * 128,
  },
])

export interface Roofline {
  readonly copy_gb_s: number
  readonly fma_gflops: number
}

/** The least time that a case can take on the device, in ms. */
export function leastTime({ flop, bytes }: { flop: number | null; bytes: number }, roofline: Roofline): number {
  return Math.max((flop ?? 0) / roofline.fma_gflops, bytes / roofline.copy_gb_s) / 1e6
}

/** The best of the samples counts: a roof is what is possible. */
export async function measureRoofline(device: Device, sampling: SamplingOptions): Promise<Roofline> {
  return { copy_gb_s: await copyProbe(device, sampling), fma_gflops: await multiplyAddProbe(device, sampling) }
}

/** GB/s, read and written. */
async function copyProbe(device: Device, sampling: SamplingOptions): Promise<number> {
  const { kind, software, limits } = device.info
  // Large enough to fall out of every cache.
  const wanted = kind === 'cpu' || software ? 64 * 2 ** 20 : 512 * 2 ** 20
  const bytes = Math.min(wanted, limits.maxBindingBytes, limits.maxBufferBytes)
  const target = new Arena([{ name: 'copy', group: 'copy', tensor: { shape: [bytes / 4] } }], device)
  const source = zeros([bytes / 4], { device })
  try {
    return (2 * bytes) / (await bestOf(device, () => target.gatherInto([source]), sampling)) / 1e6
  } finally {
    source.dispose()
    target.dispose()
  }
}

/** GFLOP/s. Where a device has no such launch, the native one, a large matrix product takes its place. */
async function multiplyAddProbe(device: Device, sampling: SamplingOptions): Promise<number> {
  const invocations = device.info.software ? 2 ** 12 : 2 ** 18
  const turns = 1024
  const out = zeros([invocations, 4], { device })
  try {
    const run = () => device.launch({ op: 'multiplyAddProbe', out: out.slice, turns })
    return (invocations * turns * 256) / (await bestOf(device, run, sampling)) / 1e6
  } catch (error) {
    const refused = error instanceof SideError && error.cause instanceof DeviceError
    if (!refused || device.info.kind !== 'cpu') throw error
    return await matmulProbe(device, sampling)
  } finally {
    out.dispose()
  }
}

async function matmulProbe(device: Device, sampling: SamplingOptions): Promise<number> {
  const size = 1024
  const a = tensor(noise(size * size), { shape: [size, size], device })
  try {
    return (2 * size ** 3) / (await bestOf(device, () => scope(() => void matmul(a, a)), sampling)) / 1e6
  } finally {
    a.dispose()
  }
}

async function bestOf(device: Device, run: () => void, sampling: SamplingOptions): Promise<number> {
  const [samples] = await interleaved([queuedSide(run, queueOf(device), () => {})], sampling)
  return Math.min(...samples!)
}
