/** The collapse laboratory: what was taken away from BYOL, one thing at a time, to find out what keeps it from collapse. */
import type { Settings } from './recipes.js'
import type { Result } from './result.js'

/** A table of a paper. */
export interface Source {
  /** The letter that a figure is marked with. */
  readonly mark: string
  readonly table: string
  readonly url: string
}

/** A figure of a paper: accuracy of a linear classifier on frozen features, in per cent. */
export interface Published {
  readonly accuracy: string
  readonly source: Source
}

export type Outcome = 'learns' | 'fails'

export interface Ablation {
  /** Its folder. */
  readonly name: string
  /** In words. */
  readonly setting: string
  /** On top of the recipe. */
  readonly settings: Settings
  readonly published: readonly Published[]
  /** What the published figures say; absent where they contradict each other or there are none. */
  readonly expected?: Outcome
}

const GRILL = 'https://arxiv.org/abs/2006.07733'
const TIAN = 'https://arxiv.org/abs/2102.06810'

const sources = {
  a: { mark: 'a', table: 'Grill et al. 2020, table 5: ImageNet, 300 epochs', url: GRILL },
  b: {
    mark: 'b',
    table: 'Chen & He 2021, figure 2 and table 3: ImageNet, 100 epochs',
    url: 'https://arxiv.org/abs/2011.10566',
  },
  c: { mark: 'c', table: 'Richemond et al. 2020: ImageNet, 300 epochs', url: 'https://arxiv.org/abs/2010.10241' },
  d: { mark: 'd', table: 'Tian et al. 2021, tables 3, 5 and 6: STL-10, 100 epochs', url: TIAN },
} as const satisfies Record<string, Source>

const figure = (accuracy: string, mark: keyof typeof sources): Published => ({ accuracy, source: sources[mark] })

const byol = (options: Settings, settings: Settings = {}): Settings => ({ method: 'byol', options, ...settings })

/** Weight decay where only the predictor has some: chosen for a hundred times fewer steps than the paper's 4e-4. */
const PREDICTOR_DECAY = 0.04

/** The first is what the others are held against. */
export const ABLATIONS: readonly Ablation[] = [
  {
    name: 'byol',
    setting: 'BYOL',
    settings: byol({}),
    published: [figure('72.5', 'a')],
    expected: 'learns',
  },
  {
    name: 'no-predictor',
    setting: 'no predictor',
    settings: byol({ predictor: 'none' }),
    published: [figure('0.2', 'a')],
    expected: 'fails',
  },
  {
    name: 'no-ema',
    setting: 'no EMA: the target is the online network',
    settings: byol({ momentum: 0 }),
    published: [figure('0.3', 'a'), figure('67.7', 'b')],
  },
  {
    name: 'no-ema-fast-predictor',
    setting: 'no EMA, predictor at 10 times the rate',
    settings: byol({ momentum: 0, predictorRate: 10 }),
    published: [figure('66.5', 'a')],
    expected: 'learns',
  },
  {
    name: 'no-ema-no-predictor',
    setting: 'no EMA, no predictor',
    settings: byol({ momentum: 0, predictor: 'none' }),
    published: [figure('0.1', 'a')],
    expected: 'fails',
  },
  {
    name: 'no-stop-gradient',
    setting: 'no EMA, no stop-gradient',
    settings: byol({ momentum: 0, stopGradient: false }),
    published: [figure('0.1', 'b')],
    expected: 'fails',
  },
  {
    name: 'fixed-target',
    setting: 'a target that never moves',
    settings: byol({ momentum: 1 }),
    published: [figure('18.8', 'a')],
    expected: 'fails',
  },
  {
    name: 'no-head-norm',
    setting: 'no batch norm in the heads',
    settings: byol({ predictorNorm: false }, { projectorNorm: 'none' }),
    published: [figure('34.6', 'b'), figure('72.1', 'c')],
  },
  {
    name: 'linear',
    setting: 'linear predictor',
    settings: byol({ predictor: 'linear' }),
    published: [figure('74.5', 'd')],
    expected: 'learns',
  },
  {
    name: 'symmetric',
    setting: 'symmetric linear predictor',
    settings: byol({ predictor: 'symmetric' }),
    published: [figure('75.1', 'd')],
    expected: 'learns',
  },
  {
    name: 'no-ema-linear',
    setting: 'no EMA, linear predictor',
    settings: byol({ momentum: 0, predictor: 'linear' }),
    published: [figure('72.9', 'd')],
    expected: 'learns',
  },
  {
    name: 'no-ema-symmetric',
    setting: 'no EMA, symmetric linear predictor',
    settings: byol({ momentum: 0, predictor: 'symmetric' }),
    published: [figure('36.6', 'd')],
    expected: 'fails',
  },
  {
    name: 'no-ema-symmetric-decay',
    setting: 'no EMA, symmetric, weight decay on the predictor only',
    settings: byol(
      { momentum: 0, predictor: 'symmetric', predictorWeightDecay: PREDICTOR_DECAY },
      { optimizer: { weightDecay: 0 } },
    ),
    published: [figure('73.0–73.7', 'd')],
    expected: 'learns',
  },
  {
    name: 'directpred',
    setting: 'DirectPred',
    settings: { method: 'directpred' },
    published: [figure('77.9', 'd')],
    expected: 'learns',
  },
  {
    name: 'directcopy',
    setting: 'DirectCopy',
    settings: { method: 'directcopy' },
    published: [],
  },
]

/** What the papers say of an ablation, in a word. */
export function directionOf({ published, expected }: Ablation): Outcome | 'disputed' | undefined {
  return expected ?? (published.length > 0 ? 'disputed' : undefined)
}

/** What became of an ablation. */
export interface Finding {
  readonly ablation: Ablation
  readonly result: Result
  readonly outcome: Outcome
  /** Whether that is what was published; `null` where nothing was, or both. */
  readonly agrees: boolean | null
}

/**
 * An ablation fails where its embeddings collapsed, or where the linear probe gains less than half of what it gains with
 * the unablated network over the untrained encoder. (Collapsed networks of the papers are at chance; features of a small
 * one, standardised, never are.) Without labels, embeddings decide alone.
 */
export function judge(ablation: Ablation, result: Result, unablated: Result): Finding {
  const gain = ({ linear, baselines }: Result) =>
    linear === null || baselines.untrained.linear === null ? null : linear - baselines.untrained.linear
  const [gained, possible] = [gain(result), gain(unablated)]
  const behind = gained !== null && possible !== null && gained < possible / 2
  const outcome = result.embedding?.verdict === 'collapsed' || behind ? 'fails' : 'learns'
  const { expected } = ablation
  return { ablation, result, outcome, agrees: expected === undefined ? null : expected === outcome }
}
