import { cosineMomentum } from '../../optim/schedules.js'
import { MoCoV3 } from '../../ssl/mocoV3.js'
import { TargetNetwork } from '../../ssl/targetNetwork.js'
import { above, between, flag, section, widths } from '../fields.js'
import { defineMethod } from './definition.js'

export const mocoV3 = defineMethod({
  name: 'moco-v3',
  title: 'An empirical study of training self-supervised vision transformers',
  authors: 'Chen, Xie & He',
  year: 2021,
  url: 'https://arxiv.org/abs/2104.02057',
  needs: ['negatives', 'momentum encoder'],
  options: section(
    {
      temperature: above(0, 'T of the contrast within the batch: 1.0 for ResNets, 0.2 for ViTs.').default(1),
      momentum: between(0, 1, 'm at the first step: what is kept of the momentum encoder; 1 at the last.').default(
        0.99,
      ),
      jointBatch: flag('Both views go through a network as one batch, which batch norm sees together.').default(false),
      predictor: widths(
        'Widths of the predictor: its hidden layers, then its output, which is as wide as its input.',
      ).default([4096, 256]),
    },
    "MoCo v3's own settings.",
  ),
  build({ temperature, momentum, jointBatch, predictor }, { config, encoder, projector, head, views, totalSteps }) {
    const networks = (prefix: string) => {
      const network = encoder(`${prefix}encoder`)
      return { encoder: network, projector: projector(network.featureDimension, `${prefix}projector`) }
    }
    const target = new TargetNetwork(networks('target.'), { momentum: cosineMomentum({ base: momentum, totalSteps }) })
    const dimension = config.projector.at(-1)!
    return new MoCoV3(networks(''), head('predictor', [dimension, ...predictor]), target, {
      temperature,
      jointBatch,
      views,
    })
  },
})
