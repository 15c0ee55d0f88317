/** One line that says how far something is: redrawn in place on a terminal, said now and then elsewhere. */

/** Where a stretch of work stands. */
export interface ProgressState {
  /** What is being done: `training`, `reading images`. */
  readonly label: string
  readonly done: number
  readonly total: number
  /** Images per second at present. */
  readonly imagesPerSecond?: number
  readonly loss?: number
}

/** The part of a stream that is needed; `process.stderr` is one. */
export interface LineStream {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

const REDRAW_MS = 100
const PLAIN_LINE_MS = 15_000
const BAR_WIDTH = 24
// A log file wants words.
const BAR = /[█░]+ /
const ERASE_LINE = '\r\x1b[K'

export class Progress {
  private label: string | undefined
  private startedAt = 0
  private startedDone = 0
  private shownAt = 0
  private drawn = ''

  /** @param now milliseconds from any origin */
  constructor(
    private readonly stream: LineStream,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Once all is done the bar is gone. */
  update(state: ProgressState): void {
    if (state.done >= state.total) {
      this.close()
      return
    }
    const now = this.now()
    if (state.label !== this.label) {
      this.label = state.label
      this.startedAt = now
      this.startedDone = state.done
      // The first line of a new stretch comes at once on a terminal, and only after a while elsewhere.
      this.shownAt = this.stream.isTTY ? -Infinity : now
    }
    if (now - this.shownAt < (this.stream.isTTY ? REDRAW_MS : PLAIN_LINE_MS)) return
    this.shownAt = now
    const rate = (state.done - this.startedDone) / (now - this.startedAt)
    const line = describeProgress(state, rate > 0 ? (state.total - state.done) / rate / 1000 : undefined)
    if (this.stream.isTTY) {
      // Some terminals say that they are 0 columns wide.
      this.drawn = line.slice(0, (this.stream.columns || 80) - 1)
      this.stream.write(ERASE_LINE + this.drawn)
    } else {
      this.stream.write(`${line.replace(BAR, '')}\n`)
    }
  }

  /** Writes whole lines above the bar. */
  print(text: string): void {
    const bar = this.drawn
    this.stream.write(bar === '' ? `${text}\n` : `${ERASE_LINE}${text}\n${bar}`)
  }

  /** Takes the bar away. */
  close(): void {
    if (this.drawn !== '') this.stream.write(ERASE_LINE)
    this.drawn = ''
    this.label = undefined
  }
}

/** @param secondsLeft unknown before the first bit of work is done */
export function describeProgress(state: ProgressState, secondsLeft: number | undefined): string {
  const { label, done, total, imagesPerSecond, loss } = state
  const share = done / total
  const filled = Math.round(share * BAR_WIDTH)
  return [
    `${label} ${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)} ${Math.floor(share * 100)} %`,
    `${done}/${total}`,
    loss !== undefined && `loss ${loss.toFixed(4)}`,
    imagesPerSecond !== undefined && `${formatRate(imagesPerSecond)} images/s`,
    secondsLeft !== undefined && `${formatDuration(secondsLeft)} left`,
  ]
    .filter(part => part !== false)
    .join('  ')
}

/** `3.2`, `41.5`, `1234`: three digits, or all before the point. */
export function formatRate(perSecond: number): string {
  return perSecond < 100 ? String(Number(perSecond.toPrecision(3))) : String(Math.round(perSecond))
}

/** `42 s`, `3 min 05 s`, `2 h 07 min`. */
export function formatDuration(seconds: number): string {
  const whole = Math.round(seconds)
  const two = (value: number) => String(value).padStart(2, '0')
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`
  return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`
}
