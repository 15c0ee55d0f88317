import { Supervised } from '../../ssl/supervised.js'
import { wholeView } from '../../views/presets.js'
import { section } from '../fields.js'
import { defineMethod } from './definition.js'

export const supervised = defineMethod({
  name: 'supervised',
  title: 'Deep residual learning for image recognition',
  authors: 'He, Zhang, Ren & Sun',
  year: 2015,
  url: 'https://arxiv.org/abs/1512.03385',
  needs: ['labels'],
  onlyLabelled: true,
  options: section({}, 'Classification has no settings of its own.'),
  build(_, { encoder, linear, classes, views: [view], ...basics }) {
    const network = encoder()
    const count = classes()
    const classifier = linear('classifier', network.featureDimension, count)
    return new Supervised(network, classifier, { classes: count, view, heldOut: wholeView(basics) })
  },
})
