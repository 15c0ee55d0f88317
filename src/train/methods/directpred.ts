import { DirectPred } from '../../ssl/directpred.js'
import { between, choice, section, whole } from '../fields.js'
import { linearPredictor } from './byol.js'
import { defineMethod } from './definition.js'
import { networksOf, targetFields } from './target.js'

/** Settings of a predictor that is a function of the correlation; ρ and ε as in table 6 of Tian et al. */
export const correlationFields = {
  correlationMomentum: between(0, 0.999999, 'ρ: what is kept of the correlation at each step.').default(0.3),
  epsilon: between(0, 10, 'ε: what small eigenvalues are lifted by.').default(0.1),
}

export const directpred = defineMethod({
  name: 'directpred',
  title: 'Understanding self-supervised learning dynamics without contrastive pairs',
  authors: 'Tian, Chen & Ganguli',
  year: 2021,
  url: 'https://arxiv.org/abs/2102.06810',
  needs: ['momentum encoder'],
  options: section(
    {
      ...targetFields(0.996, 'constant'),
      ...correlationFields,
      scaling: choice(
        ['paper', 'code'],
        'ε relative to the largest eigenvalue, or to its root with the scale of the predictor dropped.',
      ).default('paper'),
      every: whole(1, 'Steps from one setting of the predictor to the next; it follows its gradient between.').default(
        1,
      ),
    },
    "DirectPred's own settings.",
  ),
  build(options, context) {
    const networks = { ...networksOf(options, context), predictor: linearPredictor(context) }
    return new DirectPred(networks, { ...options, views: context.views, stopGradient: true })
  },
})
