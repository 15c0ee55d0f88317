/**
 * Limited-memory BFGS on the host in float64, for the convex problems of evaluation: Nocedal & Wright, "Numerical
 * Optimization" (2nd edition, 2006), algorithms 7.4 and 7.5, with the line search for the strong Wolfe conditions of
 * algorithms 3.5 and 3.6. Defaults and stopping rules follow `torch.optim.LBFGS`.
 */
import { ConfigError } from '../device/errors.js'

/** A function's value and gradient at a point. The gradient is an array of its own at every call. */
export interface Evaluation {
  readonly value: number
  readonly gradient: Float64Array
}

export interface LBFGSOptions {
  /** Number of variables. */
  readonly dimension: number
  /** The function to be minimised; `x` is not to be kept or changed. */
  readonly evaluate: (x: Float64Array) => Evaluation | Promise<Evaluation>
  /** `[dimension]`; by default the origin. */
  readonly start?: ArrayLike<number>
  readonly maxIterations?: number
  /** No iteration begins after so many evaluations; by default 1.25 times `maxIterations`, and one for the start. */
  readonly maxEvaluations?: number
  /** How many pairs of steps and gradient differences stand for the curvature. */
  readonly history?: number
  /** Done when no component of the gradient is larger. */
  readonly gradientTolerance?: number
  /** Done when no variable moved further, or the value changed by less. */
  readonly changeTolerance?: number
}

export interface LBFGSResult extends Evaluation {
  readonly x: Float64Array
  readonly iterations: number
  readonly evaluations: number
  /** Why it stopped. `precision`: no step along the direction lowers the value any more, which is rounding's doing. */
  readonly reason: 'gradient' | 'change' | 'precision' | 'iterations' | 'evaluations'
}

/** Sufficient decrease and curvature of the strong Wolfe conditions (N&W 3.7), and evaluations of one line search. */
const C1 = 1e-4
const C2 = 0.9
const MAX_SEARCH = 25

/**
 * Minimises a smooth function.
 * @throws ConfigError when `start` has another length than `dimension`, or the value there is not finite
 */
export async function lbfgs(options: LBFGSOptions): Promise<LBFGSResult> {
  const { dimension, evaluate, start, maxIterations = 100, history = 100 } = options
  const { maxEvaluations = Math.ceil(1.25 * maxIterations) + 1 } = options
  const { gradientTolerance = 1e-7, changeTolerance = 1e-9 } = options
  if (start && start.length !== dimension) {
    throw new ConfigError(`lbfgs: wants a start of ${dimension} variables, got ${start.length}`)
  }
  let x: Float64Array = start ? Float64Array.from(start) : new Float64Array(dimension)
  let { value, gradient } = await evaluate(x)
  if (!Number.isFinite(value)) throw new ConfigError(`lbfgs: the value at the start is ${value}; start elsewhere`)
  const memory = new Memory(history)
  let iterations = 0
  let evaluations = 1
  const stop = (reason: LBFGSResult['reason']) => ({ x, value, gradient, iterations, evaluations, reason })

  while (true) {
    if (largest(gradient) <= gradientTolerance) return stop('gradient')
    if (iterations >= maxIterations) return stop('iterations')
    if (evaluations >= maxEvaluations) return stop('evaluations')
    const direction = memory.direction(gradient)
    const slope = dot(gradient, direction)
    if (slope > -changeTolerance) return stop('change')
    // Before anything is known of the curvature, a step that moves all variables together by at most 1.
    const firstStep = iterations === 0 ? Math.min(1, 1 / gradient.reduce((sum, g) => sum + Math.abs(g), 0)) : 1

    const origin: Point = { step: 0, value, slope, x, gradient }
    const search = new LineSearch(evaluate, origin, direction, changeTolerance / largest(direction))
    const next = await search.from(firstStep)
    evaluations += search.evaluations
    if (next === origin) return stop('precision')
    iterations++
    const moved = difference(next.x, x)
    memory.push(moved, difference(next.gradient, gradient))
    const change = Math.abs(next.value - value)
    ;({ x, value, gradient } = next)
    if (largest(gradient) > gradientTolerance && (largest(moved) <= changeTolerance || change < changeTolerance)) {
      return stop('change')
    }
  }
}

/** The last steps s and gradient differences y, newest last: what is remembered of the Hessian. */
class Memory {
  private readonly pairs: { readonly s: Float64Array; readonly y: Float64Array; readonly curvature: number }[] = []

  constructor(private readonly size: number) {}

  push(s: Float64Array, y: Float64Array): void {
    const curvature = dot(s, y)
    // Less than this is rounding, and the inverse Hessian would no longer be positive definite.
    if (!(curvature > Number.EPSILON * dot(y, y))) return
    if (this.pairs.length === this.size) this.pairs.shift()
    this.pairs.push({ s, y, curvature })
  }

  /** −H·g by the two-loop recursion (algorithm 7.4), begun with the diagonal of equation 7.20. */
  direction(gradient: Float64Array): Float64Array {
    const q = gradient.map(g => -g)
    const alphas = new Array<number>(this.pairs.length)
    for (let i = this.pairs.length - 1; i >= 0; i--) {
      const { s, y, curvature } = this.pairs[i]!
      alphas[i] = dot(s, q) / curvature
      addScaled(q, y, -alphas[i]!)
    }
    const last = this.pairs.at(-1)
    if (last) scale(q, last.curvature / dot(last.y, last.y))
    this.pairs.forEach(({ s, y, curvature }, i) => {
      addScaled(q, s, alphas[i]! - dot(y, q) / curvature)
    })
    return q
  }
}

/** A point along the direction: φ(step) = f(x₀ + step·d), and φ'(step). */
interface Point extends Evaluation {
  readonly step: number
  readonly slope: number
  readonly x: Float64Array
}

/** Looks along a direction for a point that meets the strong Wolfe conditions. */
class LineSearch {
  evaluations = 0

  constructor(
    private readonly evaluate: LBFGSOptions['evaluate'],
    private readonly origin: Point,
    private readonly direction: Float64Array,
    private readonly minWidth: number,
  ) {}

  /**
   * Algorithm 3.5: goes forward until a point is good or an interval with a good point is found. Out of evaluations
   * it gives the lowest point seen, which is the origin where nothing was lower.
   */
  async from(firstStep: number): Promise<Point> {
    let previous = this.origin
    let step = firstStep
    while (this.evaluations < MAX_SEARCH) {
      const point = await this.at(step)
      if (this.tooHigh(point) || (previous !== this.origin && point.value >= previous.value)) {
        return this.zoom(previous, point)
      }
      if (this.isFlat(point)) return point
      if (point.slope >= 0) return this.zoom(point, previous)
      const guess = cubicMinimiser(previous, point)
      const least = point.step + 0.01 * (point.step - previous.step)
      step = clamp(Number.isNaN(guess) ? 2 * point.step : guess, least, 10 * point.step)
      previous = point
    }
    return previous
  }

  /** Algorithm 3.6. `low` is the lower end, which meets the first condition; `high` may lie on either side of it. */
  private async zoom(low: Point, high: Point): Promise<Point> {
    while (this.evaluations < MAX_SEARCH && Math.abs(high.step - low.step) > this.minWidth) {
      const left = Math.min(low.step, high.step)
      const width = Math.abs(high.step - low.step)
      const guess = cubicMinimiser(low, high)
      // A tenth of the interval from its ends, so that it shrinks whatever the cubic says.
      const inside = clamp(Number.isNaN(guess) ? left + width / 2 : guess, left + 0.1 * width, left + 0.9 * width)
      const point = await this.at(inside)
      if (this.tooHigh(point) || point.value >= low.value) {
        high = point
        continue
      }
      if (this.isFlat(point)) return point
      if (point.slope * (high.step - low.step) >= 0) high = low
      low = point
    }
    return low
  }

  private async at(step: number): Promise<Point> {
    this.evaluations++
    const x = Float64Array.from(this.origin.x)
    addScaled(x, this.direction, step)
    const { value, gradient } = await this.evaluate(x)
    return { step, x, gradient, value: Number.isNaN(value) ? Infinity : value, slope: dot(gradient, this.direction) }
  }

  private tooHigh({ step, value }: Point): boolean {
    return value > this.origin.value + C1 * step * this.origin.slope
  }

  private isFlat({ slope }: Point): boolean {
    return Math.abs(slope) <= -C2 * this.origin.slope
  }
}

/** Where the cubic through two points with their slopes is lowest (equation 3.59); NaN where it is nowhere. */
function cubicMinimiser(a: Point, b: Point): number {
  const d1 = a.slope + b.slope - (3 * (a.value - b.value)) / (a.step - b.step)
  const d2 = Math.sign(b.step - a.step) * Math.sqrt(d1 * d1 - a.slope * b.slope)
  return b.step - ((b.step - a.step) * (b.slope + d2 - d1)) / (b.slope - a.slope + 2 * d2)
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high)
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

function addScaled(target: Float64Array, x: Float64Array, factor: number): void {
  for (let i = 0; i < target.length; i++) target[i]! += factor * x[i]!
}

function scale(target: Float64Array, factor: number): void {
  for (let i = 0; i < target.length; i++) target[i]! *= factor
}

function difference(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, i) => value - b[i]!)
}

function largest(x: Float64Array): number {
  return x.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
}
