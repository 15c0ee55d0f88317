import { Queue } from '../../ssl/queue.js'
import { SwAV } from '../../ssl/swav.js'
import { swavViews } from '../../views/multiCrop.js'
import { above, between, section, shares, whole } from '../fields.js'
import { defineMethod } from './definition.js'

export const swav = defineMethod({
  name: 'swav',
  title: 'Unsupervised learning of visual features by contrasting cluster assignments',
  authors: 'Caron, Misra, Mairal, Goyal, Bojanowski & Joulin',
  year: 2020,
  url: 'https://arxiv.org/abs/2006.09882',
  needs: ['multi-crop'],
  options: section(
    {
      prototypes: whole(2, 'K: prototypes that views are assigned to.').default(3000),
      temperature: above(0, 'T of the predictions.').default(0.1),
      epsilon: above(0, "ε of Sinkhorn's algorithm: how soft assignments are.").default(0.05),
      iterations: whole(1, "Iterations of Sinkhorn's algorithm.").default(3),
      frozenEpochs: between(0, Infinity, 'Epochs during which the prototypes stay as they are.').default(1),
      queue: whole(0, 'Earlier embeddings of each large view that are assigned along; 0 for none.').default(0),
      queueFrom: between(0, Infinity, 'The epoch after which these are used.').default(15),
      localCount: whole(0, 'Small views of every image.').default(6),
      localSize: whole(4, 'Their side, in pixels; of the large ones half when absent.').exactOptional(),
      globalArea: shares(
        "Share of the image's area that a large view may have; as published when absent.",
      ).exactOptional(),
      localArea: shares(
        "Share of the image's area that a small view may have; as published when absent.",
      ).exactOptional(),
    },
    "SwAV's own settings.",
  ),
  build(options, context) {
    const { config, device, encoder, projector, linear, generator, size, mean, std, stepsPerEpoch } = context
    const { prototypes, temperature, epsilon, iterations, frozenEpochs, queueFrom, globalArea, localArea } = options
    const network = encoder()
    const dimension = config.projector.at(-1)!
    const { localCount, localSize = Math.round(size / 2) } = options
    const queue = (view: number) =>
      new Queue({ size: options.queue, dimension, rows: config.batch, generator: generator(`queue/${view}`), device })
    const { strength, blur } = config.views
    const crops = { localCount, localSize, ...(globalArea && { globalArea }), ...(localArea && { localArea }) }
    return new SwAV(
      network,
      projector(network.featureDimension),
      linear('prototypes', dimension, prototypes, { bias: false }),
      options.queue > 0 ? [queue(0), queue(1)] : undefined,
      {
        temperature,
        epsilon,
        iterations,
        frozenSteps: Math.round(frozenEpochs * stepsPerEpoch),
        queueFrom: Math.round(queueFrom * stepsPerEpoch),
        views: swavViews({ size, mean, std, strength, blur, ...crops }),
      },
    )
  },
})
