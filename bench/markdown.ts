/** A record as a page of Markdown, to lie beside its JSON under `bench/results`. */
import type { BenchmarkRecord } from './record.js'
import { cellsOf, errorLines, headingLines, meanRatios } from './text.js'

export function markdownPage(record: BenchmarkRecord): string {
  const [device, ...context] = headingLines(record)
  const [head, ...rows] = cellsOf(record).map(cells => `| ${cells.map(escaped).join(' | ')} |`)
  const columns = head!.split(' | ').length
  const rule = `|---|${'---:|'.repeat(columns - 1)}`
  const means = meanRatios(record).map(([name, ratio]) => `${name} ${ratio.toPrecision(3)}x`)
  const remarks = errorLines(record).map(line => `- ${escaped(line)}`)
  return [
    `# ${escaped(device!)}`,
    '',
    context.map(escaped).join('  \n'),
    '',
    ...[head!, rule, ...rows],
    '',
    'ms is the median, ± half the distance between the quartiles; GPU ms what the launches of a run took by the',
    "device's own clock; host the share of the time in which the host worked; roofline the least time that the measured",
    'copy and float32 multiply-add rates allow over the median; of matmul the rate over that of a product with the same',
    "inner length. A peer's ratio is its median over ours: above 1x we are the faster.",
    ...(means.length > 0 ? [`Geometric means: ${means.join(', ')}.`] : []),
    ...(remarks.length > 0 ? ['', ...remarks] : []),
    '',
  ].join('\n')
}

/** Text that is no markup. */
function escaped(text: string): string {
  return text.replace(/[|<>*_`]/g, character => `\\${character}`)
}
