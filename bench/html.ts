/** A record as one HTML page that needs nothing else: the roofline, ratios to peers, the table. */
import type { BenchmarkRecord, CaseResult } from './record.js'
import { cellsOf, deviceLine, errorLines, headingLines, meanRatios, nameOf, peersOf } from './text.js'

const COLOURS = ['#2f6fb2', '#d9822b', '#3d9970', '#8e5ea2']

export function reportPage(record: BenchmarkRecord): string {
  const [, ...context] = headingLines(record)
  const means = meanRatios(record).map(([name, ratio]) => `${name} ${ratio.toPrecision(3)}x`)
  const ratios = means.length > 0 ? `<h2>Against peers</h2>\n${bars(record)}\n` : ''
  const errors = errorLines(record).map(line => `<li>${escaped(line)}</li>`)
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>selfsame bench: ${escaped(record.adapter)}</title>
<style>${STYLE}</style>
<h1>selfsame bench</h1>
<p class="device">${escaped(deviceLine(record))}</p>
<p>${context.map(escaped).join('<br>')}</p>
<h2>Roofline</h2>
${rooflinePlot(record)}
${ratios}<h2>All cases</h2>
${tableOf(record)}
${means.length > 0 ? `<p>Above 1x we are the faster. Geometric means: ${escaped(means.join(', '))}.</p>` : ''}
<p>± is half the distance between the quartiles; the roofline share is the least time that the measured copy and
multiply-add rates allow, over the median.</p>
${errors.length > 0 ? `<h2>Not measured</h2>\n<ul>${errors.join('\n')}</ul>` : ''}
</html>
`
}

const STYLE = `
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { margin-bottom: 0 } .device { font-weight: 600; font-size: 1.1rem; margin-top: 0 }
svg { width: 100%; height: auto; font: 12px system-ui, sans-serif }
.axis { stroke: #999 } .grid { stroke: #eee } .roof { stroke: #222; fill: none; stroke-width: 1.5 }
table { border-collapse: collapse; width: 100% } td, th { padding: .2rem .5rem; text-align: right; white-space: nowrap }
th:first-child, td:first-child { text-align: left } tbody tr:nth-child(odd) { background: #f5f5f5 }
th { border-bottom: 1px solid #222 }
`

interface Point {
  readonly one: CaseResult
  readonly intensity: number
  readonly gflops: number
}

/** Operations a second over operations a byte, both logarithmic; the roof is what the probes measured. */
function rooflinePlot({ cases, roofline }: BenchmarkRecord): string {
  const points = cases.flatMap(one => {
    const { gflops, gb_s } = one
    return gflops === null || gb_s === null ? [] : [{ one, gflops, intensity: gflops / gb_s }]
  })
  if (points.length === 0) return '<p>No case counts operations.</p>'
  const { copy_gb_s, fma_gflops } = roofline
  const ridge = fma_gflops / copy_gb_s
  const box = { left: 60, top: 15, width: 560, height: 300 }
  const x = logScale([...points.map(({ intensity }) => intensity), ridge], box.left, box.left + box.width)
  const y = logScale([...points.map(({ gflops }) => gflops), fma_gflops], box.top + box.height, box.top)
  const roofAt = (intensity: number) => Math.min(fma_gflops, intensity * copy_gb_s)
  const [low, high] = x.range
  const roof = [low, ridge, high].map(at => `${x.at(at)},${y.at(Math.max(roofAt(at), y.range[0]))}`)
  const bottom = box.top + box.height
  const ticks = [
    ...x.ticks.map(
      tick =>
        `<line class="grid" x1="${x.at(tick)}" x2="${x.at(tick)}" y1="${box.top}" y2="${bottom}"/>` +
        text(x.at(tick), bottom + 18, label(tick), 'middle'),
    ),
    ...y.ticks.map(
      tick =>
        `<line class="grid" x1="${box.left}" x2="${box.left + box.width}" y1="${y.at(tick)}" y2="${y.at(tick)}"/>` +
        text(box.left - 8, y.at(tick) + 4, label(tick), 'end'),
    ),
  ]
  const legend = points.map(({ one }, i) =>
    text(box.left + box.width + 30, box.top + 10 + 16 * i, `${i + 1}  ${nameOf(one)}`, 'start'),
  )
  const [slope, top] = [Math.sqrt(low * ridge), Math.sqrt(ridge * high)]
  const roofs = [
    text(x.at(slope) - 8, y.at(roofAt(slope)) - 6, `copy ${label(copy_gb_s)} GB/s`, 'end'),
    text(x.at(top), y.at(fma_gflops) - 6, `multiply-add ${label(fma_gflops)} GFLOP/s`, 'middle'),
  ]
  const height = Math.max(bottom + 45, box.top + 16 * (points.length + 1))
  return `<svg viewBox="0 0 960 ${height}" role="img" aria-label="Roofline">
${ticks.join('\n')}
<polyline class="roof" points="${roof.join(' ')}"/>
${roofs.join('\n')}
${dots(points, x.at, y.at).join('\n')}
${text(box.left + box.width / 2, bottom + 38, 'operations a byte', 'middle')}
${text(box.left, box.top - 3, 'GFLOP/s', 'start')}
${legend.join('\n')}
</svg>`
}

type Scale = (value: number) => number

/** Where a number may stand beside its dot, the best place first. */
const PLACES = [
  [7, -3],
  [7, 12],
  [-19, -3],
  [-19, 12],
  [-4, -9],
  [-4, 18],
  [22, -3],
  [22, 12],
] as const

/** Dots with their numbers, each where no other dot or number is as long as there is such a place. */
function dots(points: readonly Point[], x: Scale, y: Scale): string[] {
  const centres = points.map(({ intensity, gflops }) => [x(intensity), y(gflops)] as const)
  const taken = centres.map(([cx, cy]) => ({ left: cx - 4, top: cy - 4, right: cx + 4, bottom: cy + 4 }))
  return points.map(({ one, gflops }, i) => {
    const [cx, cy] = centres[i]!
    const boxes = PLACES.map(([dx, dy]) => ({ left: cx + dx, top: cy + dy - 9, right: cx + dx + 14, bottom: cy + dy }))
    const free = boxes.find(box => !taken.some(other => overlap(box, other))) ?? boxes[0]!
    taken.push(free)
    const title = `${nameOf(one)}: ${gflops.toPrecision(3)} GFLOP/s`
    return (
      `<circle cx="${cx}" cy="${cy}" r="4" fill="${COLOURS[0]}"><title>${escaped(title)}</title></circle>` +
      text(free.left, free.bottom, String(i + 1), 'start')
    )
  })
}

interface Box {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
}

function overlap(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom
}

/** Where the bars' axis has lines. */
const MARKS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200]

/** How many times faster than each peer, from the line at 1x. */
function bars(record: BenchmarkRecord): string {
  const peers = peersOf(record)
  const rows = record.cases.flatMap(one => {
    const ratios = peers.flatMap((name, colour) => {
      const peer = one.peers[name]
      return peer && 'ratio' in peer ? [{ ratio: peer.ratio, colour }] : []
    })
    return ratios.length > 0 ? [{ one, ratios }] : []
  })
  const left = 270
  const all = [1, ...rows.flatMap(({ ratios }) => ratios.map(({ ratio }) => ratio))]
  const scale = logScale(all, left + 10, 900, [Math.min(...all) / 1.1, Math.max(...all) * 1.1])
  const out: string[] = peers.map((name, i) => {
    const at = left + 150 * i
    return `<rect x="${at}" y="6" width="12" height="12" fill="${COLOURS[i % COLOURS.length]}"/>${text(at + 18, 16, name, 'start')}`
  })
  let top = 32
  for (const { one, ratios } of rows) {
    out.push(text(left - 10, top + 7 * ratios.length + 3, `${nameOf(one)}`, 'end'))
    for (const { ratio, colour } of ratios) {
      const [from, to] = [scale.at(Math.min(ratio, 1)), scale.at(Math.max(ratio, 1))]
      const fill = COLOURS[colour % COLOURS.length]
      out.push(`<rect x="${from}" y="${top}" width="${Math.max(to - from, 1)}" height="11" fill="${fill}"/>`)
      out.push(text(to + 4, top + 10, `${ratio.toPrecision(3)}x`, 'start'))
      top += 14
    }
    top += 8
  }
  const marks = MARKS.filter(mark => mark > scale.range[0] && mark < scale.range[1]).map(mark => {
    const at = scale.at(mark)
    const line = `<line class="${mark === 1 ? 'axis' : 'grid'}" x1="${at}" x2="${at}" y1="26" y2="${top}"/>`
    return line + text(at, top + 14, `${mark}x`, 'middle')
  })
  return `<svg viewBox="0 0 960 ${top + 20}" role="img" aria-label="Ratios to peers">
${[...marks, ...out].join('\n')}
</svg>`
}

function tableOf(record: BenchmarkRecord): string {
  const [head, ...rows] = cellsOf(record)
  const line = (cells: readonly string[], tag: string) =>
    `<tr>${cells.map(cell => `<${tag}>${escaped(cell)}</${tag}>`).join('')}</tr>`
  return `<table><thead>${line(head!, 'th')}</thead><tbody>
${rows.map(row => line(row, 'td')).join('\n')}
</tbody></table>`
}

/** From pixel `begin` to pixel `end`; by default whole decades around the values. */
function logScale(values: readonly number[], begin: number, end: number, range = decadesAround(values)) {
  const [low, high] = range.map(Math.log10) as [number, number]
  const at: Scale = value => {
    const pixel = begin + ((Math.log10(value) - low) / (high - low)) * (end - begin)
    return Number(pixel.toFixed(1))
  }
  const ticks = Array.from({ length: Math.floor(high - low) + 1 }, (_, i) => 10 ** (Math.ceil(low) + i))
  return { at, ticks, range }
}

function decadesAround(values: readonly number[]): [low: number, high: number] {
  const low = Math.floor(Math.log10(Math.min(...values)))
  const high = Math.max(Math.ceil(Math.log10(Math.max(...values))), low + 1)
  return [10 ** low, 10 ** high]
}

function label(value: number): string {
  return String(Number(value.toPrecision(3)))
}

function text(x: number, y: number, content: string, anchor: 'start' | 'middle' | 'end'): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}">${escaped(content)}</text>`
}

function escaped(content: string): string {
  return content.replace(/[&<>"]/g, character => `&#${character.charCodeAt(0)};`)
}
