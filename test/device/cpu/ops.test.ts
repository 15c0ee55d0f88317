import assert from 'node:assert/strict'
import type { CPUDevice } from '../../../src/device/cpu/device.js'
import { openCPU } from '../../../src/device/cpu/open.js'
import type { Slice } from '../../../src/device/device.js'
import { DeviceError } from '../../../src/device/errors.js'
import type { Launch } from '../../../src/device/launch.js'
import '../../../src/ops/batchNorm.js'
import '../../../src/ops/dropout.js'
import '../../../src/ops/keySweep.js'
import '../../../src/ops/layerNorm.js'
import '../../../src/ops/ntXent.js'
import '../../../src/ops/pickedDots.js'
import '../../../src/ops/pool.js'
import '../../../src/ops/scatterRows.js'
import '../../../src/ops/softmax.js'
import '../../../src/ops/topk.js'
import { generator, normal } from '../../reference/random.js'

/** Operands of one launch after another: drawn, or of zeros to be written. */
class Operands {
  readonly written: Slice[] = []
  private readonly random = generator(5)

  constructor(private readonly device: CPUDevice) {}

  of(...shape: number[]): Slice {
    const count = shape.reduce((product, size) => product * size, 1)
    return this.holding(Float32Array.from(normal()(this.random, count)))
  }

  /** Starts from what was drawn, so that what is not written is found out. */
  out(...shape: number[]): Slice {
    const slice = this.of(...shape)
    this.written.push(slice)
    return slice
  }

  holding(data: Float32Array | Int32Array | Uint32Array): Slice {
    const buffer = this.device.alloc(data.byteLength)
    this.device.write(buffer, data)
    return { buffer, offset: 0, bytes: data.byteLength }
  }

  async read(): Promise<Buffer[]> {
    return Promise.all(this.written.map(async ({ buffer }) => Buffer.from(await this.device.read(buffer))))
  }
}

type Make = (operands: Operands) => Launch[]

/** Large enough for all threads, with a remainder wherever work is cut into parts. */
const families: Record<string, Make> = {
  'batch normalisation and its gradient': o => {
    const [rows, channels] = [30_001, 7]
    const [x, y, coefficients] = [o.of(rows, channels), o.out(rows, channels), o.out(4, channels)]
    const sizes = { x, coefficients, splits: 1, rows, channels, batch: true }
    const running = { runningMean: o.out(channels), runningVariance: o.out(channels), momentum: 0.1, epsilon: 1e-5 }
    const given = { residual: null, gamma: o.of(channels), beta: o.of(channels) }
    const made = { masked: o.out(rows, channels), dx: o.out(rows, channels) }
    const sums = { dgamma: o.out(channels), dbeta: o.out(channels) }
    return [
      { op: 'batchNorm', ...sizes, ...running, ...given, y, relu: true },
      { op: 'batchNormGradient', ...sizes, ...made, ...sums, g: o.of(rows, channels), y, residual: false },
    ]
  },
  'batch normalisation of more channels than a block': o => {
    const [rows, channels] = [301, 700]
    const [x, coefficients] = [o.of(rows, channels), o.out(4, channels)]
    const none = { residual: null, gamma: null, beta: null, runningMean: null, runningVariance: null }
    const sizes = { x, coefficients, splits: 1, rows, channels, batch: true, relu: false, momentum: 0, epsilon: 1e-5 }
    return [{ op: 'batchNorm', ...sizes, ...none, y: o.out(rows, channels) }]
  },
  'NT-Xent and its gradient, an odd number of blocks': o => {
    const [rows, columns, scale] = [602, 33, 0.2]
    const [z, logSum] = [o.of(rows, columns), o.out(rows)]
    const sizes = { z, logSum, rows, columns, scale }
    return [{ op: 'ntXent', ...sizes, loss: o.out(rows), dz: o.out(rows, columns) }]
  },
  'softmax over keys, more than a block of rows and several chunks of keys': o => {
    const [rows, keyRows, columns, first, scale] = [301, 2103, 33, 0, 0.2]
    const skip = o.holding(Int32Array.from({ length: rows }, (_, i) => 7 * i))
    const [queries, keys, bias] = [o.of(rows, columns), o.of(keyRows, columns), o.of(keyRows)]
    const sizes = { queries, keys, bias, skip, rows, columns, keyRows, first }
    const state = { largest: o.out(rows), sum: o.out(rows), weighted: o.out(rows, columns) }
    const positive = { queries, positives: o.of(rows, columns), bias: o.of(rows), loss: o.out(rows) }
    const given = { logSum: state.largest, missing: state.sum, g: o.of(1) }
    return [
      { op: 'keySweep', ...sizes, ...state, scale },
      { op: 'keySweep', ...sizes, ...state, scale, first: keyRows },
      { op: 'keyLoss', ...positive, ...state, rows, columns, scale },
      { op: 'keyGradient', ...sizes, ...given, dkeys: o.out(keyRows, columns), dbias: o.out(keyRows) },
    ]
  },
  'rows of a bank': o => {
    const [count, columns, pageRows] = [3001, 65, 500]
    const indices = o.holding(Int32Array.from({ length: count }, (_, k) => (k * k) % 700))
    return [
      {
        op: 'scatterRows',
        page: o.out(pageRows, columns),
        rows: o.of(count, columns),
        indices,
        count,
        columns,
        first: 100,
        pageRows,
      },
    ]
  },
  'rows that are picked from a bank': o => {
    const [rows, columns, picked, pageRows, first] = [301, 65, 300, 500, 100]
    const [count, indices] = [rows * picked, o.holding(Int32Array.from({ length: 301 * 300 }, (_, k) => (k * k) % 700))]
    const sizes = { indices, rows, columns, picked, pageRows, first, page: o.of(pageRows, columns) }
    const [queries, factors] = [o.of(rows, columns), o.of(rows, picked)]
    const scattered = { updates: queries, factors, indices, count, each: picked, rows: pageRows, inner: columns }
    return [
      { op: 'pickedDots', ...sizes, queries, out: o.out(rows, picked) },
      { op: 'pickedSum', ...sizes, factors, out: o.out(rows, columns) },
      { op: 'pickedSum', ...sizes, factors, out: o.out(rows, columns), first: 0 },
      { op: 'scatterAdd', ...scattered, out: o.out(pageRows, columns) },
    ]
  },
  'cross-entropy and softmax': o => {
    const [rows, columns, smoothing] = [1001, 37, 0.1]
    const [x, logSum] = [o.of(rows, columns), o.out(rows)]
    const labels = o.holding(Int32Array.from({ length: rows }, (_, i) => i % columns))
    const sizes = { x, labels, logSum, rows, columns, smoothing }
    return [
      { op: 'crossEntropy', ...sizes, loss: o.out(rows) },
      { op: 'crossEntropyGradient', ...sizes, g: o.of(1), dx: o.out(rows, columns) },
      { op: 'softmax', x, y: o.out(rows, columns), rows, columns, log: false },
    ]
  },
  'layer normalisation and its gradient': o => {
    const [rows, columns] = [1001, 77]
    const made = { statistics: o.out(rows, 2), x: o.of(rows, columns), gamma: o.of(columns) }
    const sizes = { ...made, rows, columns }
    const sums = { dgamma: o.out(columns), dbeta: o.out(columns) }
    return [
      { op: 'layerNorm', ...sizes, beta: o.of(columns), y: o.out(rows, columns), epsilon: 1e-5 },
      { op: 'layerNormGradient', ...sizes, ...sums, g: o.of(rows, columns), dx: o.out(rows, columns) },
    ]
  },
  'the largest of rows, and dropout': o => {
    const [rows, columns, k, splits] = [301, 1003, 5, 3]
    const heaps = { keys: o.out(k, rows, splits), indices: o.out(k, rows, splits) }
    const [x, state] = [o.of(rows, columns), o.holding(Uint32Array.of(1, 2, 3, 0))]
    const count = rows * columns
    return [
      { op: 'topKSelect', x, ...heaps, rows, columns, k, splits, first: 0 },
      { op: 'topKRank', ...heaps, values: o.out(rows, k), out: o.out(rows, k), rows, k, splits },
      { op: 'dropout', x, state, y: o.out(rows, columns), count, probability: 0.3, stream: 2 ** 32 - 1 },
    ]
  },
}

describe('ops of the CPU device', () => {
  const devices: CPUDevice[] = []

  before(async () => {
    for (const threads of [1, 2, 3]) devices.push(await openCPU({ threads }))
  })

  after(() => Promise.all(devices.map(device => device.close())))

  for (const [name, make] of Object.entries(families)) {
    it(`give the same bits with any number of threads: ${name}`, async () => {
      const [alone, ...others] = await Promise.all(
        devices.map(async device => {
          const operands = new Operands(device)
          for (const launch of make(operands)) device.launch(launch)
          return operands.read()
        }),
      )
      for (const other of others) for (const [i, bytes] of other.entries()) assert.ok(bytes.equals(alone![i]!), `${i}`)
    })

    it(`refuse an operand that is too short for the sizes: ${name}`, () => {
      const device = devices[0]!
      for (const launch of make(new Operands(device))) {
        for (const [field, value] of Object.entries(launch)) {
          if (typeof value !== 'object' || value === null || !('bytes' in value)) continue
          const shorter = { ...launch, [field]: { ...value, bytes: value.bytes - 4 } } as Launch
          assert.throws(() => device.launch(shorter), DeviceError, `${launch.op}: ${field}`)
        }
      }
    })
  }

  it('survive any field: they run, or throw a DeviceError', async () => {
    const device = devices[1]!
    const odd = [0, 1, 2, 7, -1, 0.5, 2 ** 31, 2 ** 53, Number.NaN, null, undefined, 'add', true, {}, [], [3, 3]]
    let refused = 0
    for (const make of Object.values(families)) {
      const operands = new Operands(device)
      for (const launch of make(operands)) {
        for (const field of Object.keys(launch)) {
          for (const value of odd) {
            try {
              device.launch({ ...launch, [field]: value } as unknown as Launch)
            } catch (error) {
              assert.ok(error instanceof DeviceError, `${launch.op}: ${field} ${value}: ${error}`)
              refused++
            }
          }
        }
      }
      await operands.read()
    }
    assert.ok(refused > 1000, `${refused} refused`)
  })

  it('make NaN of a label beyond the classes, and nothing of a negative one', async () => {
    const device = devices[1]!
    const o = new Operands(device)
    const [x, logSum] = [o.of(4, 3), o.out(4)]
    const labels = o.holding(Int32Array.of(2, 3, -1, 2 ** 31 - 1))
    const sizes = { x, labels, logSum, rows: 4, columns: 3, smoothing: 0 }
    const loss = o.out(4)
    device.launch({ op: 'crossEntropy', ...sizes, loss })
    device.launch({ op: 'crossEntropyGradient', ...sizes, g: o.of(1), dx: o.out(4, 3) })
    const losses = new Float32Array(await device.read(loss.buffer))
    assert.deepEqual([...losses].map(Number.isNaN), [false, true, false, true])
    assert.equal(losses[2], 0)
  })

  it('refuse windows that reach past the image, and an odd number of rows as pairs', () => {
    const device = devices[0]!
    const o = new Operands(device)
    const window = { batch: 1, height: 4, width: 4, channels: 8, outHeight: 2, outWidth: 2 } as const
    const [x, y] = [o.of(1, 4, 4, 8), o.out(1, 9, 9, 8)]
    const pool = {
      op: 'pool',
      x,
      y,
      index: null,
      average: true,
      ...window,
      size: [2, 2],
      stride: [2, 2],
      padding: [0, 0],
    } as const
    device.launch(pool)
    const wrong: Partial<typeof pool>[] = [{ outHeight: 3 as 2 }, { size: [5 as 2, 2] }, { padding: [2 as 0, 0] }]
    for (const each of wrong) assert.throws(() => device.launch({ ...pool, ...each }), /as many windows as fit/)
    const pairs = { z: x, logSum: o.out(3), loss: o.out(3), dz: null, rows: 3, columns: 8, scale: 1 }
    assert.throws(() => device.launch({ op: 'ntXent', ...pairs }), /even number of rows/)
  })
})
