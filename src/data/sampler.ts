import { Generator } from '../tensor/philox.js'

/** Which images each step takes: a pure function of the step, so that a run can be taken up anywhere. */
export interface Sampler {
  readonly stepsPerEpoch: number
  indices(step: number): Int32Array
}

/** Whole batches of one seeded permutation an epoch; what is left over when the batch does not divide waits for another. */
export function sampler({ count, batch, seed }: { count: number; batch: number; seed: number }): Sampler {
  const stepsPerEpoch = Math.floor(count / batch)
  const root = new Generator(seed)
  let order: { epoch: number; indices: Int32Array } = { epoch: -1, indices: new Int32Array() }
  return {
    stepsPerEpoch,
    indices(step) {
      const epoch = Math.floor(step / stepsPerEpoch)
      if (order.epoch !== epoch) order = { epoch, indices: root.split(`order/${epoch}`).permutation(count) }
      const first = (step % stepsPerEpoch) * batch
      return order.indices.slice(first, first + batch)
    },
  }
}
