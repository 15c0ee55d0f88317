import { LateFusion } from '../../nn/lateFusion.js'
import { ContextPrediction } from '../../ssl/context.js'
import { NEIGHBOURS, patchPair } from '../../views/patchPair.js'
import { between, choice, range, section, whole, widths } from '../fields.js'
import { defineMethod } from './definition.js'

export const context = defineMethod({
  name: 'context',
  title: 'Unsupervised visual representation learning by context prediction',
  authors: 'Doersch, Gupta & Efros',
  year: 2015,
  url: 'https://arxiv.org/abs/1505.05192',
  needs: [],
  options: section(
    {
      patch: whole(4, 'Side of a patch, in pixels of the scaled image.').default(10),
      gap: whole(0, 'Between two patches, in pixels.').default(4),
      jitter: whole(0, 'Each patch is moved by up to so many pixels along each axis.').default(2),
      pixels: range(
        'Pixels that an image is scaled to first, drawn anew every time; as it is when absent.',
      ).exactOptional(),
      aberration: choice(
        ['projection', 'dropping', 'none'],
        'Against telling a place by the chromatic aberration of the lens: colours without the axis from green to magenta, or one channel alone; images of one channel need nothing.',
      ).default('projection'),
      pixelate: between(0, 1, 'Probability that a patch goes through fewer pixels.').default(0),
      least: whole(1, 'Of these fewer pixels, the least along a side.').default(4),
      standardise: choice(
        ['none', 'mean', 'full'],
        "Whether a patch is normalised by its own mean, or its own mean and deviation, in place of the data set's.",
      ).default('none'),
      each: whole(
        0,
        'Width of the layer on each patch by itself (fc6); 0 for none, where the encoder ends in one (AlexNet).',
      ).default(128),
      joint: widths('Widths of the hidden layers on both together (fc7, fc8).').default([128, 128]),
    },
    "Context Prediction's own settings.",
  ),
  partSize: ({ patch }) => patch,
  build(options, { config, train, encoder, generator, device, mean, std }) {
    const { patch, gap, jitter, pixels, aberration, pixelate, least, standardise, each, joint } = options
    const network = encoder()
    const head = new LateFusion({
      parts: 2,
      inputs: network.featureDimension,
      each,
      joint,
      outputs: NEIGHBOURS.length,
      initialisation: config.initialisation,
      generator: generator('head'),
      device,
    })
    const views = patchPair({
      patch,
      gap,
      jitter,
      mean,
      std,
      ...(pixels && { pixels }),
      ...(aberration !== 'none' && train.channels === 3 && { aberration }),
      ...(pixelate > 0 && { pixelate: { probability: pixelate, least } }),
      ...(standardise !== 'none' && { standardise }),
    })
    return new ContextPrediction(network, head, views)
  },
})
