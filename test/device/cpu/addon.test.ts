import assert from 'node:assert/strict'
import { type Addon, loadAddon, type NativeQueue } from '../../../src/device/cpu/load.js'
import { DeviceError } from '../../../src/device/errors.js'
import { generator } from '../../reference/random.js'

describe('the native addon, called from plain JavaScript', () => {
  let addon: Addon
  let queue: NativeQueue

  before(() => {
    addon = loadAddon()
    queue = new addon.Queue(2, true)
  })

  after(() => queue.close())

  it('refuses arguments that are not what it wants', async () => {
    const memory = queue.allocate(256)
    const wrong: readonly (() => unknown)[] = [
      () => new addon.Queue(0, true),
      () => new addon.Queue('2' as never, true),
      () => queue.allocate(-1),
      () => queue.allocate(1e300),
      () => queue.allocate(undefined as never),
      () => queue.write(memory, 0, new Float32Array(65)),
      () => queue.write(memory, 0, [1, 2] as never),
      () => queue.write(memory + 1, 0, new Float32Array(1)),
      () => queue.write(memory, Number.NaN, new Float32Array(1)),
      () => queue.read(memory, 0, 257),
      () => queue.read(memory, 256, 1),
      () => queue.replay(17),
      () => queue.endProgram(),
      () => queue.settle(-1),
      () => queue.launch(null as never),
      () => queue.launch({} as never),
      () => queue.launch({ op: 'matmul' } as never),
    ]
    for (const call of wrong) assert.throws(call, DeviceError, String(call))
    queue.letGo(memory)
    assert.throws(() => queue.read(memory, 0, 4), /no memory of this device/)
  })

  it('survives any launch: it runs, or throws a DeviceError', async () => {
    const random = generator(11)
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
    const buffers = [256, 1024, 4096].map(bytes => ({ bytes, memory: { id: queue.allocate(bytes) } }))
    const slice = () => ({
      buffer: pick(buffers),
      offset: pick([0, 0, 0, 256, 7]),
      bytes: pick([16, 256, 1024, 4096, -4]),
    })
    const odd = [
      0,
      1,
      2,
      3,
      5,
      16,
      31,
      2 ** 31,
      2 ** 53,
      -1,
      0.5,
      Number.NaN,
      null,
      undefined,
      'sum',
      'add',
      true,
      {},
      [],
      [1],
    ]
    const names = [
      ...[
        'x',
        'out',
        'a',
        'b',
        'bias',
        'dy',
        'filter',
        'from',
        'to',
        'value',
        'index',
        'counter',
        'ring',
        'count',
        'bits',
      ],
      ...[
        'batch',
        'm',
        'n',
        'k',
        'transposeA',
        'transposeB',
        'sharedA',
        'sharedB',
        'accumulate',
        'rows',
        'columns',
        'column',
      ],
      ...[
        'outer',
        'length',
        'inner',
        'combine',
        'images',
        'height',
        'width',
        'channels',
        'outHeight',
        'outWidth',
        'filters',
      ],
      ...['kernelHeight', 'kernelWidth', 'strideY', 'strideX', 'top', 'left', 'dilationY', 'dilationX', 'groups'],
      ...['row', 'outType', 'operands', 'types', 'shape', 'strides'],
    ]
    const sensible: Record<string, () => unknown> = {
      row: () => pick(['add', 'exp', 'where', 'nothing']),
      combine: () => pick(['sum', 'max', 'none']),
      outType: () => pick(['float32', 'int32']),
      types: () => ['float32', 'float32'],
      operands: () => pick([[slice()], [slice(), slice()], [slice(), 1.5]]),
      shape: () => pick([[4], [2, 3], [0], [2 ** 40, 2 ** 40]]),
      strides: () =>
        pick([
          [[1], [1]],
          [
            [3, 1],
            [0, 1],
          ],
          [[2 ** 50], [1]],
        ]),
    }
    // The fields above are those of these; what another op lacks is refused, and some of that is worth a try too.
    const known = [
      ...['fill', 'copyInto', 'elementwise', 'reduce', 'argmax', 'place', 'matmul', 'storeMetric'],
      ...['conv2d', 'conv2dBackwardData', 'conv2dBackwardFilter'],
    ]
    let ran = 0
    for (let i = 0; i < 3000; i++) {
      const launch: Record<string, unknown> = { op: pick(random() < 0.7 ? known : addon.describe().ops) }
      for (const name of names) {
        const operand = names.indexOf(name) < 13
        const flag = /^(transpose|shared|accumulate)/.test(name)
        const ordinary =
          sensible[name] ?? (operand ? slice : flag ? () => random() < 0.5 : () => pick([1, 1, 1, 2, 3, 4]))
        launch[name] = random() < 0.02 ? pick(odd) : ordinary()
      }
      try {
        queue.launch(launch as never)
        ran++
      } catch (error) {
        assert.ok(error instanceof DeviceError, `${error} of ${JSON.stringify(launch)}`)
      }
    }
    await queue.settle(0)
    assert.ok(ran > 100, `only ${ran} of the launches were good enough to run`)
  })

  it('survives a launch whose fields close the queue while they are read', () => {
    const doomed = new addon.Queue(1, true)
    const launch = {
      op: 'fill',
      get count() {
        doomed.close()
        return 1
      },
    }
    assert.throws(() => doomed.launch(launch as never), DeviceError)
    assert.throws(() => doomed.allocate(4), /the device was closed/)
  })
})
