import type { Slice } from '../device/device.js'
import { ShapeError } from '../device/errors.js'
import { implement, stream } from '../device/webgpu/plan.js'
import { sameShape, show } from '../tensor/shape.js'
import { type Tensor, wantDtype } from '../tensor/tensor.js'

declare module '../device/launch.js' {
  interface Launches {
    /** to = from, or to += from, for `count` float32 elements. */
    copyInto: { from: Slice; to: Slice; count: number; accumulate: boolean }
  }
}

implement('copyInto', ({ from, to, count, accumulate }, target) => {
  const whole = count % 4 === 0
  const walk = stream(whole ? count / 4 : count, target)
  return [
    {
      ...walk,
      kernel: 'copy_into',
      parameters: { ...walk.parameters, T: whole ? 'vec4<f32>' : 'f32', ACCUMULATE: Number(accumulate) },
      bindings: [from, to],
      work: count,
    },
  ]
})

/** Overwrites `to`, or adds to it with `accumulate`; both float32 of one shape. @throws ShapeError, DtypeError */
export function copyInto(from: Tensor, to: Tensor, accumulate = false): void {
  wantDtype('copyInto', 'float32', from, to)
  if (!sameShape(from.shape, to.shape)) {
    throw new ShapeError(`copyInto: wants a tensor of the shape ${show(to.shape)}, got ${show(from.shape)}`)
  }
  to.device.launch({ op: 'copyInto', from: from.slice, to: to.slice, count: to.size, accumulate })
}
