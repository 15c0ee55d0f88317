/** `selfsame methods`: every method, its paper, what it needs, its recipes. */
import { Command } from 'commander'
import { methods } from '../train/methods/index.js'
import { recipesOf } from '../train/recipes.js'
import { jsonOption, printResult } from './options.js'
import { table } from './table.js'

export interface MethodRow {
  readonly name: string
  readonly title: string
  readonly authors: string
  readonly year: number
  readonly url: string
  /** What it cannot do without: negatives, labels, a momentum encoder, … */
  readonly needs: readonly string[]
  /** Full names, for `train --recipe`. */
  readonly recipes: readonly string[]
}

export const methodsCommand = new Command('methods')
  .description('List every method with its paper, what it needs, and its recipes.')
  .addOption(jsonOption())
  .action(({ json }: { json?: boolean }) => {
    const rows = methodRows()
    printResult({ methods: rows }, json, () => describeMethods(rows))
  })

/** Not trained: `eval kmeans` holds it against features and pixels. */
const KMEANS = {
  name: 'kmeans',
  title: 'Least squares quantization in PCM',
  authors: 'Lloyd',
  year: 1982,
  url: 'https://doi.org/10.1109/TIT.1982.1056489',
} as const

/** In the order of lineage; the rows to compare with, `supervised` and `kmeans`, last. */
export function methodRows(): MethodRow[] {
  const trained = methods.map(({ name, title, authors, year, url, needs }) => {
    return { name, title, authors, year, url, needs, recipes: recipesOf(name) }
  })
  return [...trained, { ...KMEANS, needs: [], recipes: [] }]
}

export function describeMethods(rows: readonly MethodRow[]): string {
  const cells = rows.map(({ name, year, needs, title }) => [name, String(year), needs.join(', ') || '–', title])
  const listing = table([['method', 'year', 'needs', 'paper'], ...cells], ['left', 'right', 'left', 'left'])
  return `${listing}\n\nRecipes: selfsame recipes. One method, whole: selfsame methods --json.`
}
