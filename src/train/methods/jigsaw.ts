import { LateFusion } from '../../nn/lateFusion.js'
import { Jigsaw } from '../../ssl/jigsaw.js'
import { jigsaw as jigsawViews } from '../../views/jigsaw.js'
import { between, flag, section, whole, widths } from '../fields.js'
import { defineMethod } from './definition.js'

export const jigsaw = defineMethod({
  name: 'jigsaw',
  title: 'Unsupervised learning of visual representations by solving jigsaw puzzles',
  authors: 'Noroozi & Favaro',
  year: 2016,
  url: 'https://arxiv.org/abs/1603.09246',
  needs: [],
  options: section(
    {
      permutations: whole(2, 'P, the orders of the tiles that there are.', 362_880).default(64),
      cell: whole(4, 'Side of the nine cells, in pixels of the scaled image.').default(9),
      tile: whole(4, 'Side of the tile that lies anywhere in its cell, in pixels.').default(8),
      side: whole(12, 'The shorter side that an image is scaled to first; as it is when absent.').exactOptional(),
      greyscale: between(0, 1, 'Probability that the tiles of an image are grey.').default(0),
      standardise: flag("Whether a tile is normalised by its own mean and deviation, not the data set's.").default(
        true,
      ),
      each: whole(
        0,
        'Width of the layer on each tile by itself (fc6); 0 for none, where the encoder ends in one (AlexNet).',
      ).default(64),
      joint: widths('Widths of the hidden layers on all together (fc7).').default([256]),
    },
    "Jigsaw's own settings.",
  ),
  partSize: ({ tile }) => tile,
  build(options, { config, train, encoder, generator, device, mean, std }) {
    const { permutations, cell, tile, side, greyscale, standardise, each, joint } = options
    const network = encoder()
    const head = new LateFusion({
      parts: 9,
      inputs: network.featureDimension,
      each,
      joint,
      outputs: permutations,
      initialisation: config.initialisation,
      generator: generator('head'),
      device,
    })
    const views = jigsawViews({
      permutations,
      cell,
      tile,
      mean,
      std,
      standardise,
      greyscale: train.channels === 3 ? greyscale : 0,
      ...(side !== undefined && { side }),
    })
    return new Jigsaw(network, head, views, permutations)
  },
})
