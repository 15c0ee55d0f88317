import type { Linear } from '../../nn/linear.js'
import type { Module } from '../../nn/module.js'
import { SymmetricLinear } from '../../nn/symmetricLinear.js'
import { BYOL } from '../../ssl/byol.js'
import type { MethodGroup } from '../../ssl/method.js'
import { above, between, choice, flag, section, whole } from '../fields.js'
import { type BuildContext, defineMethod } from './definition.js'
import { networksOf, targetFields } from './target.js'

type PredictorKind = 'mlp' | 'linear' | 'symmetric' | 'none'

export const byol = defineMethod({
  name: 'byol',
  title: 'Bootstrap your own latent: a new approach to self-supervised learning',
  authors: 'Grill, Strub, Altché, Tallec, Richemond et al.',
  year: 2020,
  url: 'https://arxiv.org/abs/2006.07733',
  needs: ['momentum encoder'],
  options: section(
    {
      ...targetFields(0.996, 'cosine'),
      predictor: choice(
        ['mlp', 'linear', 'symmetric', 'none'],
        'What predicts: two layers as published, one without a bias, one whose weight is symmetric, or nothing.',
      ).default('mlp'),
      predictorWidth: whole(1, 'Hidden width of the predictor of two layers.').default(4096),
      predictorNorm: flag('Batch norm in the predictor of two layers.').default(true),
      predictorRate: above(0, "The predictor's learning rate, in rates of the others.").default(1),
      predictorWeightDecay: between(0, 1, "The predictor's own weight decay.").exactOptional(),
      stopGradient: flag('No gradient goes into the targets; false is for momentum 0.').default(true),
    },
    "BYOL's own settings.",
  ),
  build(options, context) {
    const { jointBatch, directions, stopGradient, predictorRate, predictorWeightDecay } = options
    const predictor = predictorOf(options.predictor, options, context)
    const group: MethodGroup = {
      prefix: 'predictor.',
      learningRate: (_, scheduled) => predictorRate * scheduled,
      ...(predictorWeightDecay !== undefined && { weightDecay: predictorWeightDecay }),
    }
    return new BYOL(
      { ...networksOf(options, context), ...(predictor && { predictor }) },
      {
        views: context.views,
        jointBatch,
        directions,
        stopGradient,
        ...((predictorRate !== 1 || predictorWeightDecay !== undefined) && { groups: [group] }),
      },
    )
  },
})

function predictorOf(
  kind: PredictorKind,
  { predictorWidth, predictorNorm }: { readonly predictorWidth: number; readonly predictorNorm: boolean },
  context: BuildContext,
): Module | undefined {
  const { config, device, generator, head } = context
  const { initialisation, projector } = config
  const features = projector.at(-1)!
  switch (kind) {
    case 'mlp':
      return head('predictor', [features, predictorWidth, features], { hiddenNorm: predictorNorm })
    case 'linear':
      return linearPredictor(context)
    case 'symmetric':
      return new SymmetricLinear({ features, generator: generator('predictor'), initialisation, device })
    case 'none':
      return undefined
  }
}

/** One layer without bias from projections to projections. */
export function linearPredictor({ config, linear }: BuildContext): Linear {
  const features = config.projector.at(-1)!
  return linear('predictor', features, features, { bias: false })
}
