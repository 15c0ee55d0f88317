import type { Dataset } from '../data/dataset.js'
import type { FeatureSet } from './featureSet.js'

/** The raw pixels of a data set, in [0, 1]: the features that need no learning, what an encoder must be better than. */
export function pixelFeatures(dataset: Dataset): FeatureSet {
  const { count, height, width, channels, images } = dataset
  const features = new Float32Array(images.length)
  for (let i = 0; i < images.length; i++) features[i] = images[i]! / 255
  return {
    features,
    count,
    dimension: height * width * channels,
    ...labelsOf(dataset),
  }
}

/** A data set's labels as a feature set carries them: −1 where there is none. */
export function labelsOf({ labels, classes, count }: Dataset): Pick<FeatureSet, 'labels' | 'classes'> {
  if (!labels) return { labels: new Int32Array(count).fill(-1), classes: 0 }
  return { labels, classes: classes?.length ?? labels.reduce((most, label) => Math.max(most, label + 1), 0) }
}
