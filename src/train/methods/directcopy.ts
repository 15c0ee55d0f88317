import { DirectCopy } from '../../ssl/directcopy.js'
import { flag, section } from '../fields.js'
import { linearPredictor } from './byol.js'
import { defineMethod } from './definition.js'
import { correlationFields } from './directpred.js'
import { networksOf, targetFields } from './target.js'

export const directcopy = defineMethod({
  name: 'directcopy',
  title: 'Towards demystifying representation learning with non-contrastive self-supervision',
  authors: 'Wang, Chen, Du & Tian',
  year: 2021,
  url: 'https://arxiv.org/abs/2110.04947',
  needs: ['momentum encoder'],
  options: section(
    {
      ...targetFields(0.996, 'constant'),
      ...correlationFields,
      normalised: flag('The correlation is divided by its norm before ε is added.').default(true),
    },
    "DirectCopy's own settings.",
  ),
  build(options, context) {
    const networks = { ...networksOf(options, context), predictor: linearPredictor(context) }
    return new DirectCopy(networks, { ...options, views: context.views, stopGradient: true })
  },
})
