import { sigmoidRamp } from '../../optim/schedules.js'
import { MeanTeacher } from '../../ssl/meanTeacher.js'
import { TargetNetwork } from '../../ssl/targetNetwork.js'
import { wholeView } from '../../views/presets.js'
import { between, section, whole } from '../fields.js'
import { defineMethod } from './definition.js'

export const meanTeacher = defineMethod({
  name: 'mean-teacher',
  title: 'Mean teachers are better role models',
  authors: 'Tarvainen & Valpola',
  year: 2017,
  url: 'https://arxiv.org/abs/1703.01780',
  needs: ['labels', 'momentum encoder'],
  options: section(
    {
      momentum: between(0, 1, "α: what is kept of the teacher's weights, once the run is old enough.").default(0.99),
      consistency: between(0, Infinity, 'w_max: the weight of the consistency cost after its ramp-up.').default(100),
      rampUp: between(0, Infinity, 'Epochs over which that weight rises.').default(5),
      labelledPerBatch: whole(1, 'Images of a batch whose labels are known.').default(31),
    },
    "Mean Teacher's own settings.",
  ),
  labelledPerBatch: ({ labelledPerBatch }) => labelledPerBatch,
  build({ momentum, consistency, rampUp, labelledPerBatch }, context) {
    const { encoder, linear, classes, views, stepsPerEpoch, ...basics } = context
    const networks = (prefix: string) => {
      const network = encoder(`${prefix}encoder`)
      return { encoder: network, classifier: linear(`${prefix}classifier`, network.featureDimension, classes()) }
    }
    // By steps, as in the TensorFlow code and the paper; the PyTorch code raises it once an epoch.
    const ramp = sigmoidRamp(Math.round(rampUp * stepsPerEpoch))
    // A young teacher is the plain average of all its students so far, the first one's weights at the start included: the
    // official code's min(1 − 1 / (t + 1), α), whose t is 1 after the first step.
    const kept = (step: number) => Math.min(1 - 1 / (step + 2), momentum)
    return new MeanTeacher(networks(''), new TargetNetwork(networks('target.'), { momentum: kept }), {
      consistency: step => consistency * ramp(step),
      labelledPerBatch,
      views,
      heldOut: wholeView(basics),
    })
  },
})
