/**
 * The elementwise ops, one row each: kernels, gradients, tests and docs come from here. Formulas are in a, b, c and,
 * for derivatives, y = f(a, b, c).
 */
export interface Row {
  /** In WGSL; also a valid expression for integers where `integers` is set. */
  readonly wgsl: string
  /** In float64, what tests compare with. */
  readonly reference: (a: number, b: number, c: number) => number
  /** ∂f/∂a, ∂f/∂b, ∂f/∂c in float64; `null` where there is none. */
  readonly derivative: readonly (((a: number, b: number, c: number) => number) | null)[]
  /** Where the operands may lie. */
  readonly domain: readonly [number, number]
  readonly integers?: boolean
}

const density = (x: number) => Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI)

/** Φ(x), by the series Φ = ½ + φ(x)·Σ x^(2k+1)/(1·3·5…(2k+1)): accurate to float64 for |x| < 8. */
function distribution(x: number): number {
  let term = x
  let sum = x
  for (let k = 1; Math.abs(term) > 1e-18 * Math.abs(sum); k++) {
    term *= (x * x) / (2 * k + 1)
    sum += term
  }
  return 0.5 + density(x) * sum
}

const geluInner = (a: number) => Math.sqrt(2 / Math.PI) * (a + 0.044715 * a ** 3)

const sigmoid = (a: number) => 1 / (1 + Math.exp(-a))

export const table = {
  identity: { wgsl: 'a', reference: a => a, derivative: [() => 1], domain: [-2, 2], integers: true },
  add: { wgsl: 'a + b', reference: (a, b) => a + b, derivative: [() => 1, () => 1], domain: [-2, 2], integers: true },
  sub: { wgsl: 'a - b', reference: (a, b) => a - b, derivative: [() => 1, () => -1], domain: [-2, 2], integers: true },
  mul: {
    wgsl: 'a * b',
    reference: (a, b) => a * b,
    derivative: [(_, b) => b, a => a],
    domain: [-2, 2],
    integers: true,
  },
  div: {
    wgsl: 'a / b',
    reference: (a, b) => a / b,
    derivative: [(_, b) => 1 / b, (a, b) => -a / (b * b)],
    domain: [0.5, 2],
  },
  pow: {
    wgsl: 'pow(a, b)',
    reference: (a, b) => a ** b,
    derivative: [(a, b) => b * a ** (b - 1), (a, b) => a ** b * Math.log(a)],
    domain: [0.5, 2],
  },
  maximum: {
    wgsl: 'max(a, b)',
    reference: (a, b) => Math.max(a, b),
    derivative: [(a, b) => +(a >= b), (a, b) => +(a < b)],
    domain: [-2, 2],
    integers: true,
  },
  minimum: {
    wgsl: 'min(a, b)',
    reference: (a, b) => Math.min(a, b),
    derivative: [(a, b) => +(a <= b), (a, b) => +(a > b)],
    domain: [-2, 2],
    integers: true,
  },
  greater: {
    wgsl: 'select(0.0, 1.0, a > b)',
    reference: (a, b) => +(a > b),
    derivative: [null, null],
    domain: [-2, 2],
    integers: true,
  },
  equal: {
    wgsl: 'select(0.0, 1.0, a == b)',
    reference: (a, b) => +(a === b),
    derivative: [null, null],
    domain: [-2, 2],
    integers: true,
  },
  exp: { wgsl: 'exp(a)', reference: Math.exp, derivative: [Math.exp], domain: [-2, 2] },
  log: { wgsl: 'log(a)', reference: Math.log, derivative: [a => 1 / a], domain: [0.5, 2] },
  sqrt: { wgsl: 'sqrt(a)', reference: Math.sqrt, derivative: [a => 0.5 / Math.sqrt(a)], domain: [0.5, 2] },
  rsqrt: { wgsl: '1.0 / sqrt(a)', reference: a => a ** -0.5, derivative: [a => -0.5 * a ** -1.5], domain: [0.5, 2] },
  abs: { wgsl: 'abs(a)', reference: Math.abs, derivative: [Math.sign], domain: [-2, 2] },
  sign: { wgsl: 'sign(a)', reference: Math.sign, derivative: [null], domain: [-2, 2] },
  neg: { wgsl: '-a', reference: a => -a, derivative: [() => -1], domain: [-2, 2] },
  /** b and c are the bounds. */
  clamp: {
    wgsl: 'clamp(a, b, c)',
    reference: (a, b, c) => Math.min(Math.max(a, b), c),
    derivative: [(a, b, c) => +(a >= b && a <= c), null, null],
    domain: [-2, 2],
  },
  /** a ≠ 0 ? b : c. */
  where: {
    wgsl: 'select(c, b, a != {{A}}(0))',
    reference: (a, b, c) => (a !== 0 ? b : c),
    derivative: [null, a => +(a !== 0), a => +(a === 0)],
    domain: [-2, 2],
  },
  relu: { wgsl: 'max(a, 0.0)', reference: a => Math.max(a, 0), derivative: [a => +(a > 0)], domain: [-2, 2] },
  /** b > 0 ? a : 0, the gradient of relu: a is the output's gradient, b the output. */
  reluGradient: {
    wgsl: 'select(0.0, a, b > 0.0)',
    reference: (a, b) => (b > 0 ? a : 0),
    derivative: [(_, b) => +(b > 0), null],
    domain: [-2, 2],
  },
  /** Hendrycks & Gimpel, 2016, the form with the normal distribution: a·Φ(a). */
  gelu: {
    wgsl: 'a * normal_distribution(a)',
    reference: a => a * distribution(a),
    derivative: [a => distribution(a) + a * density(a)],
    domain: [-3, 3],
  },
  geluDerivative: {
    wgsl: 'normal_distribution(a) + a * normal_density(a)',
    reference: a => distribution(a) + a * density(a),
    derivative: [a => density(a) * (2 - a * a)],
    domain: [-3, 3],
  },
  /** The same with tanh in place of the distribution: a · ½(1 + tanh(√(2/π)·(a + 0.044715·a³))). */
  geluTanh: {
    wgsl: '0.5 * a * (1.0 + safe_tanh(0.7978845608 * (a + 0.044715 * a * a * a)))',
    reference: a => 0.5 * a * (1 + Math.tanh(geluInner(a))),
    derivative: [
      a => {
        const t = Math.tanh(geluInner(a))
        const slope = Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * a * a)
        return 0.5 * (1 + t) + 0.5 * a * (1 - t * t) * slope
      },
    ],
    domain: [-3, 3],
  },
  /** φ(a), whose derivative is −a·φ(a). */
  normalDensity: { wgsl: 'normal_density(a)', reference: density, derivative: [a => -a * density(a)], domain: [-3, 3] },
  sigmoid: {
    wgsl: '1.0 / (1.0 + exp(-a))',
    reference: sigmoid,
    derivative: [a => sigmoid(a) * (1 - sigmoid(a))],
    domain: [-4, 4],
  },
  tanh: { wgsl: 'safe_tanh(a)', reference: Math.tanh, derivative: [a => 1 - Math.tanh(a) ** 2], domain: [-3, 3] },
  /** log(1 + exp(a)), without overflow. */
  softplus: {
    wgsl: 'max(a, 0.0) + log(1.0 + exp(-abs(a)))',
    reference: a => Math.max(a, 0) + Math.log1p(Math.exp(-Math.abs(a))),
    derivative: [sigmoid],
    domain: [-4, 4],
  },
} as const satisfies Record<string, Row>

export type RowName = keyof typeof table
