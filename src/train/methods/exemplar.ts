import { Exemplar, SurrogateClasses } from '../../ssl/exemplar.js'
import { colourComponents, exemplarView } from '../../views/exemplar.js'
import { independentViews } from '../../views/plan.js'
import { seedPatches } from '../../views/seedPatches.js'
import { between, flag, positives, section, whole } from '../fields.js'
import { defineMethod } from './definition.js'

export const exemplar = defineMethod({
  name: 'exemplar',
  title: 'Discriminative unsupervised feature learning with exemplar convolutional neural networks',
  authors: 'Dosovitskiy, Fischer, Springenberg, Riedmiller & Brox',
  year: 2014,
  url: 'https://arxiv.org/abs/1406.6909',
  needs: [],
  options: section(
    {
      classes: whole(2, 'N, the seed patches, each a class of its own.').default(2000),
      patch: whole(8, 'Side of a transformed patch, in pixels.').default(20),
      extent: between(
        0.25,
        1,
        "A patch's side as a share of its seed's: what is beyond comes into sight where a patch is moved, turned or scaled; with 1 that is the mirror image.",
      ).default(0.8),
      scales: positives(
        "How much of the image's pixels a seed covers along a side, as multiples of its own.",
        [1, 1.5],
      ).default([1]),
      streamed: flag('Whether the softmax over the classes is streamed, without its logits ever being there.').default(
        false,
      ),
    },
    "Exemplar-CNN's own settings.",
  ),
  partSize: ({ patch }) => patch,
  dataset({ classes, patch, extent, scales }, train, generator) {
    const side = Math.round(patch / extent)
    const { name, source, channels } = train
    return {
      name: `seeds of ${name}`,
      source: `the seed patches of ${source}`,
      height: side,
      width: side,
      channels,
      count: classes,
      images: seedPatches(train, { count: classes, size: side, scales, generator }),
    }
  },
  build({ classes, patch, extent, streamed }, { train, encoder, generator, device, mean, std }) {
    const network = encoder()
    const view = exemplarView({ size: patch, mean, std, components: colourComponents(train), extent })
    const surrogate = new SurrogateClasses(classes, network.featureDimension, {
      generator: generator('classes'),
      device,
    })
    return new Exemplar(network, surrogate, { views: independentViews([view]), streamed })
  },
})
