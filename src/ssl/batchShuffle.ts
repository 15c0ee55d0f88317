import type { Device } from '../device/device.js'
import { gather } from '../ops/gather.js'
import type { Generator } from '../tensor/philox.js'
import { keep } from '../tensor/scope.js'
import { empty, type Tensor } from '../tensor/tensor.js'

/**
 * Shuffling batch norm on one device (He et al., 2020, section 3.3): keys pass through the momentum encoder in another
 * order than queries, so that with split batch norm a query and its key are in different groups. Otherwise the
 * statistics of a group tell which key belongs to which query, and the loss falls without anything being learned.
 */
export class BatchShuffle {
  private readonly order: Tensor
  private readonly back: Tensor

  constructor(
    private readonly batch: number,
    private readonly generator: Generator,
    device: Device,
  ) {
    this.order = keep(empty([batch], 'int32', device))
    this.back = keep(empty([batch], 'int32', device))
  }

  /** Draws the order of a step. */
  prepare(step: number): void {
    const order = this.generator.split(step).permutation(this.batch)
    const back = new Int32Array(this.batch)
    order.forEach((from, to) => {
      back[from] = to
    })
    this.order.write(Int32Array.from(order))
    this.back.write(back)
  }

  /** Runs `body` on the rows of x [B, …] in the step's order, and puts the rows of the outcome back into theirs. */
  apply(x: Tensor, body: (shuffled: Tensor) => Tensor): Tensor {
    return gather(body(gather(x, this.order)), this.back)
  }
}
