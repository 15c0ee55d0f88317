import type { Slice } from '../device/device.js'
import { fold, implement, tiles } from '../device/webgpu/plan.js'

declare module '../device/launch.js' {
  interface Launches {
    /** to = from, or to += from, for `count` float32 elements. */
    copyInto: { from: Slice; to: Slice; count: number; accumulate: boolean }
  }
}

implement('copyInto', ({ from, to, count, accumulate }, { limits }) => {
  const whole = count % 4 === 0
  const elements = whole ? count / 4 : count
  return [
    {
      kernel: 'copy_into',
      parameters: { T: whole ? 'vec4<f32>' : 'f32', ACCUMULATE: Number(accumulate) },
      bindings: [from, to],
      params: { count: elements },
      grid: fold(tiles(elements, 1024), limits),
      work: count,
    },
  ]
})
