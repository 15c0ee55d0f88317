/** The settings that BYOL and its descendants share, and the target network that they describe. */
import { cosineMomentum } from '../../optim/schedules.js'
import type { BYOLNetworks, BYOLOptions } from '../../ssl/byol.js'
import { TargetNetwork } from '../../ssl/targetNetwork.js'
import { between, choice, flag } from '../fields.js'
import type { BuildContext } from './definition.js'

/** @param momentum what is kept of the target where nothing else is said, and how that changes */
export function targetFields(momentum: number, schedule: 'cosine' | 'constant') {
  return {
    momentum: between(
      0,
      1,
      'What is kept of the target at each step; 0: the online network is its own target, 1: the target stays as it began.',
    ).default(momentum),
    momentumSchedule: choice(
      ['cosine', 'constant'],
      'From the momentum to 1 along half a cosine, or the same to the end.',
    ).default(schedule),
    targetStatistics: choice(
      ['batch', 'averaged'],
      "Statistics of the target's batch norms: the batch's own, or averages of the online network's running ones.",
    ).default('batch'),
    independentTarget: flag(
      'The target begins with weights of its own and not as a copy of the online network.',
    ).default(false),
    jointBatch: flag('Both views go through a network as one batch, which batch norm sees together.').default(false),
    directions: choice(['sum', 'mean'], 'The losses of the two directions are added, or averaged.').default('sum'),
  }
}

export interface TargetSettings extends Pick<BYOLOptions, 'jointBatch' | 'directions'> {
  readonly momentum: number
  readonly momentumSchedule: 'cosine' | 'constant'
  readonly targetStatistics: 'batch' | 'averaged'
  readonly independentTarget: boolean
}

/** Encoder and projector, and the target that follows them, where there is one. */
export function networksOf(settings: TargetSettings, context: BuildContext): BYOLNetworks {
  const { momentum, momentumSchedule, targetStatistics, independentTarget } = settings
  const { totalSteps } = context
  const pair = (prefix: string) => {
    const encoder = context.encoder(`${prefix}encoder`)
    return { encoder, projector: context.projector(encoder.featureDimension, `${prefix}projector`) }
  }
  const online = pair('')
  if (momentum === 0) return online
  const cosine = cosineMomentum({ base: momentum, totalSteps })
  const target = new TargetNetwork(pair('target.'), {
    // k of the paper counts steps from 1, so that the last one keeps all of the target; the official code from 0.
    momentum: step => (momentumSchedule === 'cosine' ? cosine(step + 1) : momentum),
    statistics: targetStatistics,
    copied: !independentTarget,
  })
  return { ...online, target }
}
