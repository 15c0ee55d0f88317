import type { Slice } from '../device/device.js'
import { fold, implement, tiles } from '../device/webgpu/plan.js'

declare module '../device/launch.js' {
  interface Launches {
    /** to = from, or to += from, for `count` float32 elements. */
    copyInto: { from: Slice; to: Slice; count: number; accumulate: boolean }
  }
}

implement('copyInto', ({ from, to, count, accumulate }, { limits }) => [
  {
    kernel: 'copy_into',
    parameters: { ACCUMULATE: Number(accumulate) },
    bindings: [from, to],
    params: { count },
    grid: fold(tiles(count, 256), limits),
    work: count,
  },
])
