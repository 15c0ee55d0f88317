import { splitBatchNorms } from '../../nn/batchNorm.js'
import { constant } from '../../optim/schedules.js'
import { BatchShuffle } from '../../ssl/batchShuffle.js'
import { MoCo } from '../../ssl/moco.js'
import { Queue } from '../../ssl/queue.js'
import { TargetNetwork } from '../../ssl/targetNetwork.js'
import { above, between, flag, section, whole } from '../fields.js'
import { defineMethod, type MethodDefinition } from './definition.js'

/** v1 and v2 are one method with another projector, other views and another schedule: see their recipes. */
function moco(
  paper: Pick<MethodDefinition, 'name' | 'title' | 'authors' | 'year' | 'url'>,
  temperature: number,
): MethodDefinition {
  return defineMethod({
    ...paper,
    needs: ['negatives', 'momentum encoder', 'queue'],
    options: section(
      {
        temperature: above(0, 'T of InfoNCE.').default(temperature),
        momentum: between(0, 1, 'm: what is kept of the momentum encoder at each step.').default(0.999),
        queue: whole(1, 'K: keys of earlier batches that are negatives.').default(65536),
        symmetric: flag('Whether each view is a query once and a key once.').default(false),
        splits: whole(1, 'Parts of a batch with batch statistics of their own; above 1 the keys are shuffled.').default(
          1,
        ),
      },
      "MoCo's own settings.",
    ),
    build(options, { config, device, encoder, projector, views, generator }) {
      const { temperature, momentum, queue: size, symmetric, splits } = options
      const networks = (prefix: string) => {
        const network = encoder(`${prefix}encoder`)
        const head = projector(network.featureDimension, `${prefix}projector`)
        for (const module of [network, head]) splitBatchNorms(module, splits)
        return { encoder: network, projector: head }
      }
      const rows = config.batch * (symmetric ? 2 : 1)
      const dimension = config.projector.at(-1)!
      return new MoCo(
        paper.name,
        networks(''),
        new TargetNetwork(networks('target.'), { momentum: constant(momentum) }),
        new Queue({ size, dimension, rows, generator: generator('queue'), device }),
        splits > 1 ? new BatchShuffle(config.batch, generator('shuffle'), device) : undefined,
        { temperature, symmetric, views },
      )
    },
  })
}

export const mocoV1 = moco(
  {
    name: 'moco-v1',
    title: 'Momentum contrast for unsupervised visual representation learning',
    authors: 'He, Fan, Wu, Xie & Girshick',
    year: 2020,
    url: 'https://arxiv.org/abs/1911.05722',
  },
  0.07,
)

export const mocoV2 = moco(
  {
    name: 'moco-v2',
    title: 'Improved baselines with momentum contrastive learning',
    authors: 'Chen, Fan, Girshick & He',
    year: 2020,
    url: 'https://arxiv.org/abs/2003.04297',
  },
  0.2,
)
