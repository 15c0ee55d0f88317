import assert from 'node:assert/strict'
import type { Device } from '../../../src/device/device.js'
import { DeviceError } from '../../../src/device/errors.js'
import { open } from '../../../src/open.js'
import { add, exp, mul, sub } from '../../../src/ops/elementwise.js'
import { scatterAdd } from '../../../src/ops/gather.js'
import { matmul } from '../../../src/ops/matmul.js'
import { mean } from '../../../src/ops/reduce.js'
import { sum } from '../../../src/ops/sum.js'
import { fill, tensor, zeros } from '../../../src/tensor/create.js'
import { keep, scope } from '../../../src/tensor/scope.js'
import { gradients } from '../../../src/tensor/tape.js'
import type { Tensor } from '../../../src/tensor/tensor.js'
import { countCalls } from './spy.js'

const values = (size: number, seed: number) => Float32Array.from({ length: size }, (_, i) => Math.sin(seed + 1.7 * i))

describe('webgpu: record and replay', () => {
  let device: Device
  before(async () => {
    device = await open({ device: 'webgpu' })
  })
  after(() => device.close())

  /** One step of gradient descent on w, with dispatches of many kinds. */
  function step(w: Tensor, x: Tensor): Tensor {
    return scope(() => {
      const loss = mean(exp(mul(matmul(x, w), 0.1)))
      const [gradient] = gradients(loss, [w])
      // In place of an optimiser: w is overwritten by way of a copy.
      const next = sub(w, mul(gradient!, 0.5))
      device.launch({ op: 'reduce', x: next.slice, out: w.slice, combine: 'sum', outer: w.size, length: 1, inner: 1 })
      return loss
    })
  }

  const parameters = (): [Tensor, Tensor] => {
    const w = tensor(values(33 * 7, 1), { shape: [33, 7], device, requiresGradient: true })
    return [w, tensor(values(65 * 33, 2), { shape: [65, 33], device })]
  }

  it('a replayed step equals the eager step bit for bit', async () => {
    const [w, x] = parameters()
    const eager: (Float32Array | number)[] = []
    for (let i = 0; i < 4; i++) {
      const loss = step(w, x)
      eager.push(await loss.item(), (await w.data()) as Float32Array)
      loss.dispose()
    }
    const [w2, x2] = parameters()
    let loss = w2
    const program = await device.record(() => {
      loss = step(w2, x2)
    })
    const replayed: (Float32Array | number)[] = []
    for (let i = 0; i < 4; i++) {
      if (i > 0) device.replay(program)
      replayed.push(await loss.item(), (await w2.data()) as Float32Array)
    }
    assert.deepEqual(replayed, eager)
    device.release(program)
    for (const each of [w, x, w2, x2, loss]) each.dispose()
    assert.equal(device.memory().buffers, 0)
    assert.equal(device.memory().live, 0)
  })

  it('a replay makes one encoder, one pass and one command buffer, and nothing else', async () => {
    const [w, x] = parameters()
    let loss = w
    const program = await device.record(() => {
      loss = step(w, x)
    })
    await loss.item()
    const counts = await countCalls(device, () => {
      for (let i = 0; i < 3; i++) device.replay(program)
    })
    const dispatches = counts['pass.dispatchWorkgroups']!
    assert.ok(dispatches >= 3 * program.launches.length && dispatches % 3 === 0)
    for (const name of ['setPipeline', 'setBindGroup', 'dispatchWorkgroups']) delete counts[`pass.${name}`]
    // The waiter's fence: four bytes at the end of the same encoder.
    delete counts['encoder.copyBufferToBuffer']
    assert.deepEqual(counts, {
      'device.createCommandEncoder': 3,
      'encoder.beginComputePass': 3,
      'pass.end': 3,
      'encoder.finish': 3,
      'queue.submit': 3,
    })
    device.release(program)
    for (const each of [w, x, loss]) each.dispose()
  })

  it('eager steps of the same shapes make no buffers or pipelines after the first', async () => {
    const [w, x] = parameters()
    for (let i = 0; i < 2; i++) step(w, x).dispose()
    const counts = await countCalls(device, async () => {
      const loss = step(w, x)
      await loss.item()
      loss.dispose()
    })
    const made = Object.keys(counts).filter(name => /createBuffer|Pipeline|Shader|Layout/.test(name))
    assert.deepEqual(made, ['pass.setPipeline'])
    w.dispose()
    x.dispose()
  })

  it('constants written while recording survive replays although they were freed', async () => {
    const x = tensor([1, 2, 3, 4], { device })
    let out = x
    const program = await device.record(() => {
      out = scope(() => {
        // The intermediate's memory is free when the constant asks for some of the same size.
        const once = scope(() => mul(add(x, 10), 2))
        const constant = tensor([5, 6, 7, 8], { device })
        const product = mul(once, constant)
        constant.dispose()
        const later = mul(add(x, 100), 3)
        return add(product, later)
      })
    })
    const expected = [1, 2, 3, 4].map((value, i) => (value + 10) * 2 * (5 + i) + (value + 100) * 3)
    for (let i = 0; i < 3; i++) {
      if (i > 0) device.replay(program)
      assert.deepEqual([...(await out.data())], expected, `run ${i}`)
    }
    device.release(program)
    x.dispose()
    out.dispose()
    assert.equal(device.memory().live, 0)
  })

  it('a constant does not take memory that an earlier launch of the program writes to', async () => {
    const x = tensor([1, 2, 3, 4], { device })
    let constant = x
    const program = await device.record(() => {
      scope(() => mul(x, 2)).dispose()
      constant = tensor([5, 6, 7, 8], { device })
      scope(() => mul(constant, 2)).dispose()
    })
    device.replay(program)
    assert.deepEqual([...(await constant.data())], [5, 6, 7, 8])
    device.release(program)
    x.dispose()
    constant.dispose()
    assert.equal(device.memory().live, 0)
  })

  it('intermediates of a program share memory', async () => {
    const before = device.memory().live
    const x = zeros([1024], { device })
    const program = await device.record(() => {
      scope(() => {
        let y = mul(x, 2)
        for (let i = 0; i < 50; i++) y = scope(() => mul(y, 1.1))
      })
    })
    // Every y of the loop belongs to the outer scope; without that scope two are enough.
    const wide = device.memory().live - before
    device.release(program)
    const narrow = await device.record(() => {
      let y = scope(() => mul(x, 2))
      for (let i = 0; i < 50; i++) {
        const next = scope(() => mul(y, 1.1))
        y.dispose()
        y = next
      }
      y.dispose()
    })
    assert.ok(wide >= 50 * 4096, `${wide}`)
    assert.equal(device.memory().live - before, 3 * 4096)
    device.release(narrow)
    x.dispose()
    assert.equal(device.memory().live, before)
  })

  it('buffers from outside that are freed while recording or later stay the program’s', async () => {
    const x = tensor([1, 2, 3], { device })
    const y = tensor([10, 20, 30], { device })
    let out = x
    const program = await device.record(() => {
      out = add(x, y)
      x.dispose()
    })
    y.dispose()
    const others = Array.from({ length: 8 }, () => tensor([7, 7, 7], { device }))
    device.replay(program)
    assert.deepEqual([...(await out.data())], [11, 22, 33])
    for (const other of others) assert.deepEqual([...(await other.data())], [7, 7, 7])
    for (const each of [out, ...others]) each.dispose()
    device.release(program)
    assert.deepEqual({ buffers: device.memory().buffers, live: device.memory().live }, { buffers: 0, live: 0 })
  })

  it('memory that two programs touch is free when both are released', async () => {
    let shared = zeros([4], { device })
    const first = await device.record(() => {
      shared.dispose()
      shared = tensor([1, 2, 3, 4], { device })
    })
    let out = shared
    const second = await device.record(() => {
      out = mul(shared, 2)
      shared.dispose()
    })
    device.release(first)
    const other = tensor([9, 9, 9, 9], { device })
    device.replay(second)
    assert.deepEqual([...(await out.data())], [2, 4, 6, 8])
    assert.deepEqual([...(await other.data())], [9, 9, 9, 9])
    other.dispose()
    out.dispose()
    device.release(second)
    device.release(second)
    assert.equal(device.memory().live, 0)
    assert.throws(() => device.replay(second), /replay: the program was released/)
  })

  it('what lives on after a release is an ordinary tensor', async () => {
    let out = zeros([1], { device })
    out.dispose()
    const program = await device.record(() => {
      out = tensor([3, 4], { device })
    })
    device.release(program)
    const others = Array.from({ length: 4 }, () => tensor([7, 7], { device }))
    assert.deepEqual([...(await out.data())], [3, 4])
    for (const each of [out, ...others]) each.dispose()
    assert.equal(device.memory().live, 0)
  })

  it('inputs written between replays are seen, scratch memory of plans is the program’s', async () => {
    const updates = tensor(values(300 * 3, 4), { shape: [300, 3], device })
    const indices = tensor(new Int32Array(300), { device })
    let out = updates
    const program = await device.record(() => {
      out = scatterAdd(updates, indices, 7)
    })
    for (const stride of [1, 3]) {
      indices.write(Int32Array.from({ length: 300 }, (_, i) => (i * stride) % 7))
      const eager = scatterAdd(updates, indices, 7)
      device.replay(program)
      assert.deepEqual(await out.data(), await eager.data())
      eager.dispose()
    }
    for (const each of [updates, indices, out]) each.dispose()
    device.release(program)
    assert.equal(device.memory().live, 0)
  })

  it('refuses a recording within a recording, a read within one, and gives everything back when the body throws', async () => {
    const x = tensor([1, 2], { device })
    const before = device.memory()
    await assert.rejects(
      device.record(() => {
        scope(() => {
          mul(x, 2)
        })
        throw new RangeError('no')
      }),
      RangeError,
    )
    assert.deepEqual({ ...device.memory(), pooled: 0, peak: 0 }, { ...before, pooled: 0, peak: 0 })
    let inner: Promise<unknown>[] = []
    const program = await device.record(() => {
      inner = [device.record(() => {}), x.data()]
    })
    const [nested, read] = await Promise.allSettled(inner)
    assert.match(
      String((nested as PromiseRejectedResult).reason),
      /DeviceError: record: a recording is under way already/,
    )
    assert.match(String((read as PromiseRejectedResult).reason), /DeviceError: read: not while recording/)
    device.release(program)
    assert.deepEqual([...(await x.data())], [1, 2])
    x.dispose()
  })

  it('an empty program and a fault while recording do no harm', async () => {
    const program = await device.record(() => {})
    device.replay(program)
    await assert.rejects(
      device.record(() => device.replay(program)),
      /DeviceError: replay: not while recording/,
    )
    device.release(program)
    const x = zeros([4], { device })
    await assert.rejects(
      device.record(() => device.launch({ op: 'fill', out: { ...x.slice, offset: 4 }, bits: 0, count: 1 })),
      DeviceError,
    )
    fill(x, 2)
    assert.deepEqual([...(await x.data())], [2, 2, 2, 2])
    x.dispose()
  })

  it('counts no buffer more after a thousand scoped steps with gradients, nor after a thousand replays', async () => {
    const w = keep(tensor([0.5, -0.5, 0.25], { device, requiresGradient: true }))
    const x = keep(tensor([1, 2, 3], { device }))
    const body = () => {
      const loss = sum(mul(exp(mul(w, x)), x))
      return gradients(loss, [w])[0]!
    }
    scope(body)?.dispose()
    const { buffers, live } = device.memory()
    for (let i = 0; i < 1000; i++) {
      scope(body).dispose()
      if (i % 100 === 0) await device.settle(2)
    }
    assert.deepEqual([device.memory().buffers, device.memory().live], [buffers, live])
    let gradient = w
    const program = await device.record(() => {
      gradient = scope(body)
    })
    const recorded = device.memory()
    for (let i = 0; i < 1000; i++) {
      device.replay(program)
      await device.settle(2)
    }
    assert.deepEqual(device.memory(), recorded)
    await gradient.data()
    device.release(program)
    for (const each of [gradient, w, x]) each.dispose()
    assert.equal(device.memory().live, 0)
  })
})
