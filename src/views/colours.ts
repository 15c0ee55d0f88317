import { ADJUSTMENTS, AT } from '../ops/augment.js'
import type { Generator } from '../tensor/philox.js'
import { logUniform } from './place.js'
import type { ExemplarColours, JitterSpec, ViewSpec } from './spec.js'

/** Draws what happens to the colours of one image, into its parameters. */
export function drawColours(spec: ViewSpec, generator: Generator, out: Float32Array): void {
  const { jitter, colours, normalise } = spec
  if (jitter) drawJitter(jitter, generator, out)
  if (colours?.kind === 'exemplar') drawExemplar(colours, normalise.mean, generator, out)
  if (colours?.kind === 'projection') {
    out[AT.order] = ADJUSTMENTS.matrix
    out.set(projection, AT.matrix)
  }
  const grey = generator.uniform() < spec.greyscale
  out[AT.greyscale] = grey ? 1 : 0
  // Brightness and contrast of an image and of its grey version differ only where a channel leaves [0, 1].
  if (grey && spec.greyscaleFirst) leaveOut(out, ADJUSTMENTS.saturation, ADJUSTMENTS.hue)
}

/** I − aᵀa / (a·aᵀ) with a = (−1, 2, −1), three rows of three weights and no summand. */
const projection = (() => {
  const a = [-1, 2, -1]
  return a.flatMap((along, row) => [...a.map((across, column) => (row === column ? 1 : 0) - (along * across) / 6), 0])
})()

function drawJitter(jitter: JitterSpec, generator: Generator, out: Float32Array): void {
  const codes = [ADJUSTMENTS.brightness, ADJUSTMENTS.contrast, ADJUSTMENTS.saturation, ADJUSTMENTS.hue]
  const strengths = [jitter.brightness, jitter.contrast, jitter.saturation, jitter.hue]
  const applies = generator.uniform() < jitter.probability
  const order = jitter.randomOrder ? generator.permutation(4) : [0, 1, 2, 3]
  order.forEach((which: number, place: number) => {
    out[AT.order + place] = applies && strengths[which]! > 0 ? codes[which]! : ADJUSTMENTS.none
  })
  for (let which = 0; which < 3; which++) {
    const strength = strengths[which]!
    out[AT.factors + which] = generator.uniform(Math.max(0, 1 - strength), 1 + strength)
  }
  drawHue(jitter.hue, generator, out)
}

function drawHue(most: number, generator: Generator, out: Float32Array): void {
  const turns = generator.uniform(-most, most)
  out.set([turns], AT.factors + 3)
  out.set([Math.cos(2 * Math.PI * turns), Math.sin(2 * Math.PI * turns)], AT.hue)
}

function drawExemplar(
  { components, contrast, power, factor, summand, hue }: ExemplarColours,
  mean: readonly number[],
  generator: Generator,
  out: Float32Array,
): void {
  const factors = components.map(() => logUniform(generator, contrast))
  // x ← mean + V·diag(factors)·Vᵀ·(x − mean)
  components.forEach((row, i) => {
    const weights = components.map(other => other.reduce((sum, v, k) => sum + row[k]! * factors[k]! * v, 0))
    const shown = weights.reduce((sum, weight, j) => sum + weight * mean[j]!, 0)
    out.set(weights, AT.matrix + 4 * i)
    out[AT.matrix + 4 * i + 3] = mean[i]! - shown
  })
  const curve = () => [
    logUniform(generator, power),
    logUniform(generator, factor),
    generator.uniform(-summand, summand),
  ]
  out.set([...curve(), ...curve()], AT.curve)
  drawHue(hue, generator, out)
  out.set([ADJUSTMENTS.matrix, ADJUSTMENTS.curve, hue > 0 ? ADJUSTMENTS.hue : ADJUSTMENTS.none], AT.order)
}

function leaveOut(out: Float32Array, ...codes: readonly number[]): void {
  for (let place = AT.order; place < AT.order + 4; place++) {
    if (codes.includes(out[place]!)) out[place] = ADJUSTMENTS.none
  }
}
