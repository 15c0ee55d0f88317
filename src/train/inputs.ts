import type { Device } from '../device/device.js'
import { augment, PARAMETERS } from '../ops/augment.js'
import type { Batch } from '../ssl/method.js'
import { keep } from '../tensor/scope.js'
import { empty, type Tensor } from '../tensor/tensor.js'
import type { DrawnViews, ViewPlan } from '../views/plan.js'

/**
 * What the host says of a batch, in tensors of its own: written before a recorded step, read by the launches within it.
 */
export class BatchInputs {
  private readonly parameters: readonly Tensor[]
  private readonly indices: Tensor
  private readonly labels: Tensor
  private readonly targets: Tensor | undefined

  /** @param size images in a batch */
  constructor(
    private readonly plan: ViewPlan,
    readonly size: number,
    device: Device,
  ) {
    const { structures, targetsPerImage: targets } = plan
    const int32 = (...shape: number[]) => keep(empty(shape, 'int32', device))
    this.parameters = structures.map(() => keep(empty([size, PARAMETERS], 'float32', device)))
    this.indices = int32(size)
    this.labels = int32(size)
    if (targets > 0) this.targets = targets === 1 ? int32(size) : int32(size, targets)
  }

  /**
   * @param indices which images of the data set these are
   * @param labels of all images of the data set; none is known when absent
   */
  write({ parameters, targets }: DrawnViews, indices: Int32Array, labels: Int32Array | undefined): void {
    parameters.forEach((rows, i) => {
      this.parameters[i]!.write(rows)
    })
    if (targets) this.targets?.write(targets)
    this.indices.write(indices)
    this.labels.write(indices.map(index => labels?.[index] ?? -1))
  }

  /** The views of images uint8 [B, H, W, C], and what is known of these. */
  batch(bytes: Tensor): Batch {
    const { plan, indices, labels, targets } = this
    const views = plan.structures.map((structure, i) => augment(bytes, this.parameters[i]!, structure))
    return { views, indices, labels, ...(targets && { targets }) }
  }

  dispose(): void {
    for (const tensor of [...this.parameters, this.indices, this.labels, this.targets]) tensor?.dispose()
  }
}
