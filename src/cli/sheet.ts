/** A sheet of small pictures in rows and columns, with captions, as a PNG file. */
import sharp from 'sharp'

export interface Picture {
  readonly height: number
  readonly width: number
  readonly channels: 1 | 3
  /** `[height, width, channels]`. */
  readonly bytes: Uint8Array
}

export interface Sheet {
  readonly title: string
  readonly columns: readonly Column[]
  readonly rows: readonly Row[]
}

export interface Column {
  readonly caption: string
  /** Begins a group: more room to its left, and this, if anything, above. */
  readonly group?: string
}

export interface Row {
  /** One line each. */
  readonly caption: readonly string[]
  /** One for each column. */
  readonly pictures: readonly Picture[]
}

/** Light grey, so that white pictures have an edge. */
const PAPER = 217
const MARGIN = 16
const GAP = 6
const GROUP_GAP = 18
const LINE = 16
const TITLE_LINE = 30
const FONT = 12
const TITLE_FONT = 17
/** The average character of a sans-serif font is about this much of its size wide; capitals are wider. */
const CHARACTER = 0.62
/** Pictures are enlarged by one whole number, so that the largest is about so many pixels wide … */
const PICTURE = 112
/** … and those that would stay smaller than this by one of their own. */
const SMALLEST = 60

/**
 * Composes the sheet: pictures enlarged, each pixel a square, centred in their columns and rows.
 * @returns a PNG file
 */
export async function composeSheet(sheet: Sheet): Promise<Buffer> {
  const zoomOf = zoomFor(sheet)
  const columnWidths = sheet.columns.map(({ caption }, i) => {
    const widest = Math.max(...sheet.rows.map(({ pictures }) => zoomOf(pictures[i]!) * pictures[i]!.width))
    return Math.max(widest, Math.ceil(textWidth(caption, FONT)))
  })
  const rowHeights = sheet.rows.map(({ pictures, caption }) => {
    const highest = Math.max(...pictures.map(picture => zoomOf(picture) * picture.height))
    return Math.max(highest, LINE * caption.length)
  })
  const captions = sheet.rows.flatMap(({ caption }) => caption)
  const captionWidth = Math.ceil(Math.max(0, ...captions.map(words => textWidth(words, FONT))))
  const gapBefore = (column: number) => {
    if (column === 0) return captionWidth > 0 ? GAP : 0
    return sheet.columns[column]!.group === undefined ? GAP : GROUP_GAP
  }
  const lefts = begins(columnWidths, gapBefore, MARGIN + captionWidth)
  const header = sheet.columns.some(({ group }) => group) ? 2 * LINE : LINE
  const tops = begins(rowHeights, row => (row === 0 ? 0 : GAP), MARGIN + TITLE_LINE + header)
  const right = Math.max(lefts.at(-1)! + columnWidths.at(-1)!, MARGIN + textWidth(sheet.title, TITLE_FONT))
  const [width, height] = [Math.ceil(right) + MARGIN, tops.at(-1)! + rowHeights.at(-1)! + MARGIN]

  const canvas = new Uint8Array(3 * width * height).fill(PAPER)
  const texts = [text(sheet.title, MARGIN, MARGIN + TITLE_FONT, TITLE_FONT, 'start')]
  for (const [i, { caption, group }] of sheet.columns.entries()) {
    const centre = lefts[i]! + columnWidths[i]! / 2
    texts.push(text(caption, centre, MARGIN + TITLE_LINE + header - 6, FONT, 'middle'))
    if (group) texts.push(text(group, lefts[i]!, MARGIN + TITLE_LINE + LINE - 6, FONT, 'start'))
  }
  for (const [r, { caption, pictures }] of sheet.rows.entries()) {
    const middle = tops[r]! + rowHeights[r]! / 2
    for (const [line, words] of caption.entries()) {
      const baseline = middle + (line - (caption.length - 1) / 2) * LINE + FONT / 3
      texts.push(text(words, MARGIN, baseline, FONT, 'start'))
    }
    for (const [c, picture] of pictures.entries()) {
      const zoom = zoomOf(picture)
      const left = lefts[c]! + Math.floor((columnWidths[c]! - zoom * picture.width) / 2)
      const top = Math.floor(middle - (zoom * picture.height) / 2)
      paste(picture, zoom, canvas, width, left, top)
    }
  }
  return sharp(canvas, { raw: { width, height, channels: 3 } })
    .composite([{ input: svg(width, height, texts), left: 0, top: 0 }])
    .png()
    .toBuffer()
}

/** Whether captions can be read: where no font is installed every character is the same box. */
export async function hasFont(): Promise<boolean> {
  const [narrow, wide] = await Promise.all(
    ['i', 'W'].map(letter =>
      sharp(svg(40, 30, [text(letter, 5, 20, FONT, 'start')]))
        .raw()
        .toBuffer(),
    ),
  )
  return !narrow!.equals(wide!)
}

function zoomFor({ rows }: Sheet): (picture: Picture) => number {
  const side = ({ height, width }: Picture) => Math.max(height, width)
  const common = Math.max(1, Math.round(PICTURE / Math.max(...rows.flatMap(({ pictures }) => pictures.map(side)))))
  return picture => Math.max(common, Math.round(SMALLEST / side(picture)))
}

/** Where each of some parts begins. */
function begins(sizes: readonly number[], gapBefore: (part: number) => number, start: number): number[] {
  let at = start
  return sizes.map((size, i) => {
    const begin = at + gapBefore(i)
    at = begin + size
    return begin
  })
}

function textWidth(words: string, size: number): number {
  return words.length * size * CHARACTER
}

function text(words: string, x: number, y: number, size: number, anchor: 'start' | 'middle'): string {
  const escaped = words.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
  return `<text x="${x}" y="${y}" font-family="sans-serif" font-size="${size}" text-anchor="${anchor}">${escaped}</text>`
}

function svg(width: number, height: number, parts: readonly string[]): Buffer {
  return Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${parts.join('')}</svg>`,
  )
}

/** Copies a picture into the canvas, every pixel `zoom` × `zoom` times. */
function paste(
  { height, width, channels, bytes }: Picture,
  zoom: number,
  canvas: Uint8Array,
  canvasWidth: number,
  left: number,
  top: number,
): void {
  for (let y = 0; y < zoom * height; y++) {
    for (let x = 0; x < zoom * width; x++) {
      const from = (Math.floor(y / zoom) * width + Math.floor(x / zoom)) * channels
      const to = 3 * ((top + y) * canvasWidth + left + x)
      for (let c = 0; c < 3; c++) canvas[to + c] = bytes[from + (channels === 3 ? c : 0)]!
    }
  }
}
