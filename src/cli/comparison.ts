/** What a comparison of methods comes to: a table for a terminal, and one in Markdown. */
import { methodNamed, methodNames } from '../train/methods/index.js'
import { formatDuration } from '../train/progress.js'
import type { Result, Scores } from '../train/result.js'
import { markdownTable, percent, table } from './table.js'

/** One line of the table: a method over those of its seeds that came to something, and why the others did not. */
export interface ComparedMethod {
  readonly method: string
  readonly runs: readonly Result[]
  readonly errors?: readonly string[]
}

const MEBIBYTE = 2 ** 20

/** Mean and standard deviation (n − 1) over seeds; the deviation is absent for one value, both where nothing was measured. */
export function meanOf(values: readonly (number | null)[]): { mean: number | null; deviation?: number } {
  const known = values.filter(value => value !== null)
  if (known.length === 0 || known.length < values.length) return { mean: null }
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length
  if (known.length === 1) return { mean }
  const squares = known.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return { mean, deviation: Math.sqrt(squares / (known.length - 1)) }
}

type Show = (value: number) => string

const decimals =
  (count: number): Show =>
  value =>
    value.toFixed(count)

function over<Item>(items: readonly Item[], of: (item: Item) => number | null, show: Show): string {
  const { mean, deviation } = meanOf(items.map(of))
  if (mean === null) return '–'
  return deviation === undefined ? show(mean) : `${show(mean)} ± ${show(deviation).replace(' %', '')}`
}

/** What all methods are held against; each encoder has features of its own before it is trained. */
function baselinesOf(runs: readonly Result[]): { readonly name: string; readonly scores: readonly Scores[] }[] {
  const encoders = [...new Set(runs.map(({ encoder }) => encoder))]
  const untrained = encoders.map(encoder => ({
    name: encoders.length === 1 ? 'untrained' : `untrained ${encoder}`,
    scores: runs.filter(run => run.encoder === encoder).map(({ baselines }) => baselines.untrained),
  }))
  return [...untrained, { name: 'raw pixels', scores: runs.map(({ baselines }) => baselines.pixels) }]
}

function verdictsOf(runs: readonly Result[]): string {
  if (runs.length === 0) return 'failed'
  return [...new Set(runs.map(({ embedding }) => embedding?.verdict ?? '–'))].join(', ')
}

/** The table: accuracies with their standard deviation over seeds, the baselines below, and what failed. */
export function describeComparison(methods: readonly ComparedMethod[]): string {
  const rows = methods.map(({ method, runs }) => [
    method,
    over(runs, run => run.knn, percent),
    over(runs, run => run.linear, percent),
    over(runs, run => run.loss_last, decimals(3)),
    runs[0]?.loss_chance.toFixed(3) ?? '–',
    over(runs, run => run.images_per_s, decimals(0)),
    over(runs, run => run.peak_bytes && run.peak_bytes / MEBIBYTE, decimals(0)),
    over(runs, run => run.embedding && run.embedding.deviation / run.embedding.full_deviation, decimals(2)),
    over(runs, run => run.embedding?.effective_rank ?? null, decimals(1)),
    verdictsOf(runs),
  ])
  const baselines = baselinesOf(methods.flatMap(({ runs }) => runs)).map(({ name, scores }) => [
    name,
    over(scores, ({ knn }) => knn, percent),
    over(scores, ({ linear }) => linear, percent),
    ...Array.from({ length: 7 }, () => ''),
  ])
  const head = ['method', 'k-NN', 'linear', 'loss', 'chance', 'images/s', 'MiB', 'std·√d', 'rank', 'embedding']
  const sides = ['left', ...Array<'right'>(8).fill('right'), 'left'] as const
  const errors = methods.flatMap(({ errors = [] }) => errors)
  return [table([head, ...rows, ...baselines], sides), ...(errors.length > 0 ? ['', ...errors] : [])].join('\n')
}

/** Shares of all steps at which a curve is quoted, and how they are called. Of 15 epochs they are 1, 5, 10 and 15. */
const QUOTED = [
  { share: 1 / 15, name: '1/15' },
  { share: 1 / 3, name: '1/3' },
  { share: 2 / 3, name: '2/3' },
  { share: 1, name: 'all' },
]
/** How far from such a share a point may lie. */
const TOLERANCE = 1 / 60

/**
 * The same in Markdown, with each method's paper, its own task, its time and its curve. Methods are in the order of their
 * lineage, whatever that of `methods` is.
 */
export function comparisonPage(methods: readonly ComparedMethod[]): string {
  const place = ({ method }: ComparedMethod) => methodNames.indexOf(method)
  const ordered = [...methods].sort((a, b) => place(a) - place(b))
  const rows = ordered.map(({ method, runs }) => [
    `\`${method}\`${runs.length > 1 ? `, ${runs.length} seeds` : ''}`,
    String(methodNamed(method).year),
    `${over(runs, run => run.loss_first, decimals(3))} → ${over(runs, run => run.loss_last, decimals(3))}`,
    runs[0]?.loss_chance.toFixed(3) ?? '–',
    rankOf(runs),
    verdictsOf(runs),
    ...scoresOf(runs),
    over(runs, run => run.pretext_accuracy, decimals(3)),
    over(runs, run => run.training_seconds, formatDuration),
    over(runs, run => run.images_per_s, decimals(0)),
    QUOTED.map(({ share }) => over(runs, run => knnAt(run, share), decimals(3)).replace(/ ±.*/, '')).join(', '),
  ])
  const baselines = baselinesOf(ordered.flatMap(({ runs }) => runs)).map(({ name, scores }) => {
    return [name, '', '', '', '', '', ...scoresOf(scores), '', '', '', '']
  })
  const curve = `k-NN after ${QUOTED.map(({ name }) => name).join(', ')} of the steps`
  const head = ['method', 'year', 'loss', 'chance', 'rank of ẑ', 'embedding', 'k-NN', 'linear']
  const errors = methods.flatMap(({ errors = [] }) => errors)
  const page = markdownTable([[...head, 'own task', 'training', 'images/s', curve], ...rows, ...baselines])
  return [page, ...(errors.length > 0 ? ['', ...errors.map(error => `- ${error}`)] : [])].join('\n')
}

function scoresOf(scores: readonly Scores[]): [string, string] {
  return [over(scores, ({ knn }) => knn, decimals(3)), over(scores, ({ linear }) => linear, decimals(3))]
}

function rankOf(runs: readonly Result[]): string {
  const rank = over(runs, run => run.embedding?.effective_rank ?? null, decimals(1))
  const dimension = runs[0]?.embedding?.dimension
  return dimension === undefined ? rank : `${rank} of ${dimension}`
}

/** k-NN at a share of all steps; `null` where it was not measured there. */
function knnAt({ curve, steps }: Result, share: number): number | null {
  const near = curve.find(({ step, knn }) => knn !== null && Math.abs(step / steps - share) < TOLERANCE)
  return near?.knn ?? null
}
