import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { ShapeError } from '../../src/device/errors.js'
import { open } from '../../src/open.js'
import { add, relu } from '../../src/ops/elementwise.js'
import { matmul } from '../../src/ops/matmul.js'
import type { MatmulForce, Tile } from '../../src/ops/matmul.plan.js'
import { sum } from '../../src/ops/sum.js'
import { requireGradient, tensor } from '../../src/tensor/create.js'
import { gradients } from '../../src/tensor/tape.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { half } from '../reference/half.js'
import { check } from './forcedMatmul.js'

const wide: Tile = { rows: 8, columns: 1, x: 8, y: 1 }
const FORCES: Record<string, MatmulForce> = {
  'the planned tile': {},
  'lanes along columns': { kernel: 'register', tile: wide },
  'lanes along rows': { kernel: 'register', tile: { rows: 4, columns: 2, x: 1, y: 8 } },
  'a single row': { kernel: 'register', tile: { rows: 1, columns: 1, x: 8, y: 1 } },
  'lanes along both': { kernel: 'register', tile: { rows: 4, columns: 1, x: 8, y: 8 } },
  'three splits': { kernel: 'register', tile: wide, splits: 3 },
  'workgroup memory': { kernel: 'workgroup', tile: { rows: 4, columns: 2, x: 8, y: 8 } },
  'workgroup memory, two splits': { kernel: 'workgroup', tile: { rows: 8, columns: 1, x: 8, y: 8 }, splits: 2 },
}

const SIZES: readonly (readonly [m: number, n: number, k: number, batch: number])[] = [
  [1, 1, 1, 1],
  [3, 5, 1, 2],
  [31, 33, 65, 1],
  [33, 32, 31, 3],
  [68, 132, 36, 2],
  [64, 36, 40, 1],
]

/** Every branch of a kernel text compiles anew, a third of a second each on lavapipe: forced tiles take two sizes. */
const FEW = SIZES.slice(3, 5)

describe('matmul kernels', () => {
  let device: Device
  before(async () => {
    device = await open({ device: 'webgpu' })
  })
  after(() => device.close())

  for (const [name, force] of Object.entries(FORCES)) {
    it(`${name}: as the sum in float64, transposed or not, any size`, async () => {
      for (const [m, n, k, batch] of name === 'the planned tile' ? SIZES : FEW) {
        for (const flags of [0, 1, 2, 3]) {
          const [transposeA, transposeB] = [(flags & 1) === 1, (flags & 2) === 2]
          await check(device, { m, n, k, batch, transposeA, transposeB }, force)
        }
      }
    })
  }

  for (const [m, n] of [
    [3, 70],
    [37, 8],
  ] as const) {
    it(`skinny, [${m}, K] · [K, ${n}]: as the sum in float64, transposed or not, in parts or not`, async () => {
      for (const flags of [0, 1, 2, 3]) {
        const problem = { m, n, k: 263 + flags, batch: 2, transposeA: (flags & 1) === 1, transposeB: (flags & 2) === 2 }
        await check(device, { ...problem, relu: flags > 1 }, { kernel: 'skinny', splits: flags < 2 ? 1 : 2 })
      }
      const even = { m: m + 1, n: n === 8 ? 4 : 72, k: 260, batch: 1, transposeA: false, transposeB: false }
      await check(device, even, { kernel: 'skinny' })
    })
  }

  for (const name of ['lanes along rows', 'a single row', 'workgroup memory']) {
    it(`${name}: in float16 as the sum of rounded operands, float32 otherwise`, async () => {
      const [m, n, k, batch] = FEW[1]!
      for (const transposed of [false, true]) {
        const problem = {
          m,
          n,
          k,
          batch,
          transposeA: transposed,
          transposeB: transposed,
          precision: 'float16',
        } as const
        await check(device, problem, FORCES[name]!)
      }
    })
  }
})

describe('matmul in float16', () => {
  it('rounds an operand to the nearest, small numbers too, and loses what is too large', async () => {
    const device = await open({ device: 'webgpu' })
    try {
      const values = [1 + 2 ** -11, 1 + 3 * 2 ** -11, -0.1, 65_519, -65_520, 1.6 * 2 ** -24, 2 ** -15 + 2 ** -25, 0]
      const [column, one] = [tensor(values, { shape: [8, 1], device }), tensor([1], { shape: [1, 1], device })]
      const product = matmul(column, one, { precision: 'float16' })
      assert.deepEqual([...(await product.data())], [...Float32Array.from(values, half)])
    } finally {
      await device.close()
    }
  })
})

for (const kind of ['webgpu', 'cpu'] as const) {
  describe(`what matmul adds to a product on ${kind}`, () => {
    let device: Device
    before(async () => {
      device = await open({ device: kind })
    })
    after(() => device.close())

    it('is what add and relu would make of it, to the bit, and so are the gradients', async () => {
      const leaf = (shape: number[], seed: number) => {
        const values = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(seed + 3 * i))
        return requireGradient(tensor(values, { shape, device }))
      }
      const [a, b, residual] = [leaf([2, 2, 9], 1), leaf([9, 4], 2), leaf([2, 2, 4], 3)]
      const compare = async (fused: Tensor, plain: Tensor, leaves: Tensor[]) => {
        assert.deepEqual(await fused.data(), await plain.data())
        const [mine, theirs] = [fused, plain].map(y => gradients(sum(relu(add(y, y))), leaves))
        for (const [i, gradient] of mine!.entries()) assert.deepEqual(await gradient.data(), await theirs![i]!.data())
      }
      const bias = leaf([4], 4)
      const biased = () => matmul(a, b, { bias })
      await compare(matmul(a, b, { residual, relu: true }), relu(add(matmul(a, b), residual)), [a, b, residual])
      await compare(matmul(a, b, { bias, residual }), add(biased(), residual), [a, b, bias, residual])
      await compare(matmul(a, b, { bias, relu: true }), relu(biased()), [a, b, bias])
    })

    it('must have the shape of the product', () => {
      const [a, residual] = [tensor([1, 2], { shape: [2, 1], device }), tensor([1, 2], { shape: [1, 2], device })]
      assert.throws(
        () => matmul(a, a, { transposeB: true, residual }),
        error => error instanceof ShapeError && /wants a residual \[2,2\], got \[1,2\]/.test(error.message),
      )
    })
  })
}
