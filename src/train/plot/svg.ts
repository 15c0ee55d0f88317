/** A picture as text: elements, words, and the colours that all plots share. */

export const INK = '#222222'
export const FAINT = '#777777'
export const GRID = '#e4e4e4'
export const FONT_SIZE = 13

export type Attributes = Readonly<Record<string, string | number>>

/** `<name key="value">content</name>`; numbers are rounded to a tenth of a pixel, `content` is taken as it is. */
export function element(name: string, attributes: Attributes, content = ''): string {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${escaped(shown(value))}"`)
  return content === '' ? `<${name}${written.join('')}/>` : `<${name}${written.join('')}>${content}</${name}>`
}

/** Words whose baseline begins (or ends, or is centred) at x, y. */
export function text(x: number, y: number, words: string, attributes: Attributes = {}): string {
  return element('text', { x, y, ...attributes }, escaped(words))
}

/** What a pointer that rests on an element is told. */
export function title(words: string): string {
  return element('title', {}, escaped(words))
}

/** A whole file: a heading over it, and a white ground, so that it can be read wherever it is shown. */
export function picture(width: number, height: number, heading: string, content: readonly string[]): string {
  const size = { width: Math.ceil(Math.max(width, 32 + widthOf(heading, 18))), height: Math.ceil(height) }
  const attributes = {
    xmlns: 'http://www.w3.org/2000/svg',
    ...size,
    viewBox: `0 0 ${size.width} ${size.height}`,
    role: 'img',
    'aria-label': heading,
    'font-family': 'Helvetica, Arial, sans-serif',
    'font-size': FONT_SIZE,
    fill: INK,
  }
  const ground = element('rect', { ...size, fill: '#ffffff' })
  const above = text(16, 26, heading, { 'font-size': 16, 'font-weight': 'bold' })
  return `${element('svg', attributes, `\n${[ground, above, ...content].join('\n')}\n`)}\n`
}

/** How wide words are at most, roughly: no font is at hand, and letters are little more than half as wide as high. */
export function widthOf(words: string, size = FONT_SIZE): number {
  return 0.6 * size * words.length
}

export function widest(lines: readonly string[]): number {
  return Math.max(0, ...lines.map(line => widthOf(line)))
}

function shown(value: string | number): string {
  return typeof value === 'number' ? String(Number(value.toFixed(1))) : value
}

function escaped(words: string): string {
  return words.replace(/[&<>"]/g, character => `&#${character.charCodeAt(0)};`)
}
