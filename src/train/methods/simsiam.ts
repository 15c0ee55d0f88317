import { SimSiam } from '../../ssl/simsiam.js'
import { flag, section, whole } from '../fields.js'
import { peakRate } from '../peakRate.js'
import { defineMethod } from './definition.js'

export const simsiam = defineMethod({
  name: 'simsiam',
  title: 'Exploring simple siamese representation learning',
  authors: 'Chen & He',
  year: 2021,
  url: 'https://arxiv.org/abs/2011.10566',
  needs: [],
  options: section(
    {
      predictorWidth: whole(1, 'Hidden width of the predictor; a quarter of the projections in the paper.').default(
        512,
      ),
      fixedPredictorRate: flag("The predictor's learning rate stays at its peak.").default(true),
      stopGradient: flag('No gradient goes into the targets; without it the network collapses.').default(true),
    },
    "SimSiam's own settings.",
  ),
  build({ predictorWidth, fixedPredictorRate, stopGradient }, { config, encoder, head, views }) {
    const network = encoder()
    const { projector, projectorNorm } = config
    const features = projector.at(-1)!
    return new SimSiam(
      network,
      head('projector', [network.featureDimension, ...projector], {
        hiddenNorm: projectorNorm !== 'none',
        // Neither scale nor shift, as in the official code.
        ...(projectorNorm === 'all' && { outputNorm: 'none' as const }),
      }),
      head('predictor', [features, predictorWidth, features], { hiddenNorm: projectorNorm !== 'none' }),
      { views, stopGradient, ...(fixedPredictorRate && { predictorRate: peakRate(config) }) },
    )
  },
})
