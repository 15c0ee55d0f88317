import { type Array64, map, type Reference, rowsOf, zeros } from './array.js'
import { inverseCholesky } from './inverseCholesky.js'
import { l2normalize } from './normalize.js'

export interface WhitenAttributes {
  epsilon: number
}

function centredRows(z: Array64): Array64 {
  const { rows, columns } = rowsOf(z)
  const mean = new Float64Array(columns)
  z.data.forEach((v, i) => {
    mean[i % columns]! += v / rows
  })
  return map(z, (v, i) => v - mean[i % columns]!)
}

/** (1 − ε)·covariance + ε·I of centred rows. */
function shrunkCovariance(x: Array64, epsilon: number): Array64 {
  const { rows, columns } = rowsOf(x)
  const c = zeros([columns, columns])
  for (let p = 0; p < columns; p++)
    for (let q = 0; q < columns; q++) {
      for (let i = 0; i < rows; i++) c.data[p * columns + q]! += x.data[i * columns + p]! * x.data[i * columns + q]!
      c.data[p * columns + q]! *= (1 - epsilon) / (rows - 1)
      if (p === q) c.data[p * columns + q]! += epsilon
    }
  return c
}

/** x [N, D] · w or, transposed, · wᵀ, w [D, D]. */
function times(x: Array64, w: Array64, transposed: boolean): Array64 {
  const { rows, columns } = rowsOf(x)
  const y = zeros(x.shape)
  for (let i = 0; i < rows; i++)
    for (let p = 0; p < columns; p++)
      for (let q = 0; q < columns; q++)
        y.data[i * columns + p]! += x.data[i * columns + q]! * w.data[transposed ? p * columns + q : q * columns + p]!
  return y
}

/** (z − mean)·Wᵀ with W = L⁻¹ of the shrunk covariance. */
export const whiten: Reference<WhitenAttributes> = {
  forward([z], { epsilon }) {
    const x = centredRows(z!)
    return times(x, inverseCholesky.forward([shrunkCovariance(x, epsilon)], undefined), true)
  },
  gradient([z], { epsilon }, dy) {
    const { rows, columns } = rowsOf(z!)
    const x = centredRows(z!)
    const c = shrunkCovariance(x, epsilon)
    const dw = zeros(c.shape)
    for (let i = 0; i < rows; i++)
      for (let p = 0; p < columns; p++)
        for (let q = 0; q < columns; q++)
          dw.data[p * columns + q]! += dy.data[i * columns + p]! * x.data[i * columns + q]!
    const dc = inverseCholesky.gradient([c], undefined, dw)[0]!
    const direct = times(dy, inverseCholesky.forward([c], undefined), false)
    const [one, other] = [times(x, dc, false), times(x, dc, true)]
    const scale = (1 - epsilon) / (rows - 1)
    return [centredRows(map(direct, (v, i) => v + scale * (one.data[i]! + other.data[i]!)))]
  },
}

export interface WhitenedDistanceAttributes {
  size: number
  epsilon: number
  normalised: boolean
}

/** Row-wise slices of z, `size` rows each. */
function slices(z: Array64, size: number): Array64[] {
  const { rows, columns } = rowsOf(z)
  return Array.from({ length: rows / size }, (_, k) => ({
    shape: [size, columns],
    data: z.data.slice(k * size * columns, (k + 1) * size * columns),
  }))
}

function joined(parts: Array64[], shape: number[]): Array64 {
  return { shape, data: Float64Array.from(parts.flatMap(({ data }) => [...data])) }
}

/** Ermolov et al. (2021): the mean over pairs of views and rows of the squared distance of whitened slices. */
export const whitenedDistance: Reference<WhitenedDistanceAttributes> = {
  forward(views, { size, epsilon, normalised }) {
    const white = views.map(z => whitenedRows(z, size, epsilon, normalised))
    let sum = 0
    let pairs = 0
    white.forEach((x, i) => {
      for (const y of white.slice(i + 1)) {
        pairs++
        sum += x.data.reduce((total, v, at) => total + (v - y.data[at]!) ** 2, 0)
      }
    })
    return { shape: [], data: Float64Array.of(sum / pairs / divisor(views[0]!, normalised)) }
  },
  gradient(views, { size, epsilon, normalised }, { data: dy }) {
    const white = views.map(z => whitenedRows(z, size, epsilon, normalised))
    const pairs = (views.length * (views.length - 1)) / 2
    const scale = (2 * dy[0]!) / pairs / divisor(views[0]!, normalised)
    return views.map((z, i) => {
      const above = map(white[i]!, (v, at) => scale * white.reduce((total, other) => total + v - other.data[at]!, 0))
      const raw = slices(z, size).map(slice => whiten.forward([slice], { epsilon }))
      const inner = normalised ? l2normalize.gradient([joined(raw, z.shape)], {}, above)[0]! : above
      const back = slices(z, size).map((slice, k) => whiten.gradient([slice], { epsilon }, slices(inner, size)[k]!)[0]!)
      return joined(back, z.shape)
    })
  },
}

function whitenedRows(z: Array64, size: number, epsilon: number, normalised: boolean): Array64 {
  const parts = slices(z, size).map(slice => whiten.forward([slice], { epsilon }))
  const white = joined(parts, z.shape)
  return normalised ? l2normalize.forward([white], {}) : white
}

function divisor(z: Array64, normalised: boolean): number {
  const { rows, columns } = rowsOf(z)
  return normalised ? rows : rows * columns
}
