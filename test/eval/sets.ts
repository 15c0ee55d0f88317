import type { Device } from '../../src/device/device.js'
import type { FeatureSet } from '../../src/eval/featureSet.js'
import { Generator } from '../../src/tensor/philox.js'

/** Rows around one centre a class; every seventh has no label where `unlabelled` says so. */
export function blobs(count: number, dimension: number, classes: number, seed: number, unlabelled = false): FeatureSet {
  const centres = new Generator(1, 'centres')
  const centre = Array.from({ length: classes * dimension }, () => centres.normal())
  const random = new Generator(seed)
  const labels = Int32Array.from({ length: count }, () => random.integer(classes))
  const features = Float32Array.from({ length: count * dimension }, (_, i) => {
    const label = labels[Math.floor(i / dimension)]!
    return 3 + centre[label * dimension + (i % dimension)]! + 1.5 * random.normal()
  })
  return {
    features,
    count,
    dimension,
    classes,
    labels: unlabelled ? labels.map((label, i) => (i % 7 === 3 ? -1 : label)) : labels,
  }
}

/** The same device, pretending that a binding holds no more than `bytes`, so that small sets need pages. */
export function withBinding(device: Device, bytes: number): Device {
  return Object.create(device, {
    info: { value: { ...device.info, limits: { ...device.info.limits, maxBindingBytes: bytes } } },
  })
}
