import { Rotation } from '../../ssl/rotation.js'
import { wholeView } from '../../views/presets.js'
import { section } from '../fields.js'
import { defineMethod } from './definition.js'

export const rotation = defineMethod({
  name: 'rotation',
  title: 'Unsupervised representation learning by predicting image rotations',
  authors: 'Gidaris, Singh & Komodakis',
  year: 2018,
  url: 'https://arxiv.org/abs/1803.07728',
  needs: [],
  options: section({}, 'Rotation prediction has no settings of its own.'),
  build(_, { encoder, head, views, ...basics }) {
    const network = encoder()
    const turns = head('head', [network.featureDimension, 4])
    return new Rotation(network, turns, { view: views[0], heldOut: wholeView(basics) })
  },
})
