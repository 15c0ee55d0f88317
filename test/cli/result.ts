/** A run's result for tests of what is said about results. */
import { resolveConfig } from '../../src/train/recipes.js'
import type { Result } from '../../src/train/result.js'

export const resultOf = (fields: Partial<Result>): Result => ({
  method: 'simclr',
  data: 'mnist',
  encoder: 'resnet8',
  device: 'cpu',
  adapter: 'a processor',
  software: false,
  epochs: 4,
  steps: 140,
  batch: 256,
  seed: 0,
  images_per_s: 800,
  training_seconds: 44.8,
  loss_first: 5.4321,
  loss_last: 4.8,
  loss_chance: 6.2364,
  knn: 0.9,
  linear: 0.95,
  baselines: { pixels: { knn: 0.92, linear: 0.905 }, untrained: { knn: 0.5, linear: 0.81 } },
  metrics: {},
  pretext_accuracy: null,
  embedding: null,
  peak_bytes: 2 ** 29,
  curve: [],
  compilation: null,
  parameters_sha256: '00',
  config: resolveConfig(),
  ...fields,
})
