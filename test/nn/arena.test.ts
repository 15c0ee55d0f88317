import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import { ConfigError, DeviceError, DtypeError, ShapeError } from '../../src/device/errors.js'
import { Arena, type ArenaEntry } from '../../src/nn/arena.js'
import { open } from '../../src/open.js'
import { tensor, zeros } from '../../src/tensor/create.js'
import { scope } from '../../src/tensor/scope.js'

describe('nn/arena', () => {
  let device: Device

  before(async () => {
    device = await open()
  })

  after(() => device.close())

  /** Values 100·number + i, so that a misplaced element is seen. */
  const values = (number: number, count: number) => Float32Array.from({ length: count }, (_, i) => 100 * number + i)
  const sizes = [3, 65, 64, 1, 130]
  const entries = (): ArenaEntry[] =>
    sizes.map((size, i) => ({
      name: `t${i}`,
      group: i % 2 === 0 ? 'even' : 'odd',
      tensor: tensor(values(i, size), { device }),
    }))

  it('keeps the values of tensors that move in, and pads with zeros', async () => {
    const list = entries()
    const arena = new Arena(list, device)
    assert.deepEqual(
      arena.pages.map(({ group, bytes }) => [group, bytes]),
      [
        ['even', 256 + 256 + 768],
        ['odd', 512 + 256],
      ],
    )
    for (const [i, size] of sizes.entries()) {
      assert.equal(arena.slot(`t${i}`), list[i]!.tensor)
      assert.deepEqual(await arena.slot(`t${i}`).data(), values(i, size))
    }
    const page = new Float32Array(await device.read(arena.pages[0]!.storage.buffer))
    const expected = new Float32Array(320)
    expected.set(values(0, 3), 0)
    expected.set(values(2, 64), 64)
    expected.set(values(4, 130), 128)
    assert.deepEqual(page, expected)
  })

  it('goes on to the next page where one is full, and never mixes groups', () => {
    const arena = new Arena(entries(), device, { pageBytes: 768 })
    assert.deepEqual(
      arena.slots.map(({ name, page, offset }) => [name, page, offset]),
      [
        ['t0', 0, 0],
        ['t1', 2, 0],
        ['t2', 0, 256],
        ['t3', 2, 512],
        ['t4', 1, 0],
      ],
    )
    assert.deepEqual(
      arena.pages.map(({ group, bytes }) => [group, bytes]),
      [
        ['even', 512],
        ['even', 768],
        ['odd', 768],
      ],
    )
  })

  it('makes another of the same layout, filled, with padding left at zero', async () => {
    const arena = new Arena(entries(), device, { pageBytes: 1024 })
    const twos = arena.like(2)
    arena.wantSameLayout('test', twos)
    assert.deepEqual(await twos.slot('t1').data(), new Float32Array(65).fill(2))
    const page = new Float32Array(await device.read(twos.pages.at(-1)!.storage.buffer))
    assert.deepEqual(
      page,
      Float32Array.from({ length: 192 }, (_, i) => (i < 65 || i === 128 ? 2 : 0)),
    )
    assert.deepEqual(await arena.like().slot('t4').data(), new Float32Array(130))
  })

  it('outlives the scope that made it, and gives everything back', async () => {
    const before = device.memory().buffers
    const kept = zeros([2], { device })
    // An arena is no tensor, so the scope ends all it can: what moved in belongs to it, unless it was kept.
    const made: Arena[] = []
    scope(() => {
      const arena = new Arena([...entries(), { name: 'kept', group: 'odd', tensor: kept }], device)
      made.push(arena, arena.like(1))
    })
    const [arena, copy] = made as [Arena, Arena]
    assert.deepEqual(await copy.slot('t0').data(), new Float32Array(3).fill(1))
    assert.deepEqual(await arena.slot('kept').data(), new Float32Array(2))
    assert.equal(device.memory().buffers, before + 4)
    arena.dispose()
    copy.dispose()
    assert.equal(device.memory().buffers, before + 1)
    kept.dispose()
    assert.equal(device.memory().buffers, before)
  })

  it('gathers gradients, first writing, then adding', async () => {
    const arena = new Arena(entries(), device).like(7)
    const gradients = sizes.map((size, i) => tensor(values(i, size), { device }))
    arena.gatherInto(gradients)
    assert.deepEqual(await arena.slot('t4').data(), values(4, 130))
    arena.gatherInto(gradients, { accumulate: true })
    for (const [i, size] of sizes.entries()) {
      assert.deepEqual(
        await arena.slot(`t${i}`).data(),
        values(i, size).map(value => 2 * value),
      )
    }
  })

  it('refuses what does not fit', () => {
    const arena = new Arena(entries(), device)
    const twice = [...entries(), ...entries()]
    assert.throws(
      () => new Arena(twice, device),
      (error: Error) => error instanceof ConfigError && /t0 comes twice/.test(error.message),
    )
    assert.throws(
      () => new Arena(entries(), device, { pageBytes: 512 }),
      (error: Error) =>
        error instanceof DeviceError && /t4 \[130\] needs 768 bytes, a page holds at most 512/.test(error.message),
    )
    const whole = { name: 'w', group: 'g', tensor: zeros([2], { dtype: 'int32', device }) }
    assert.throws(() => new Arena([whole], device), DtypeError)
    assert.throws(() => arena.slot('t9'), ConfigError)
    assert.throws(() => arena.gatherInto(arena.tensors.slice(1)), ShapeError)
    assert.throws(() => arena.gatherInto(sizes.map(size => zeros([size, 1], { device }))), ShapeError)
    assert.throws(() => arena.wantSameLayout('test', new Arena(entries(), device, { pageBytes: 768 })), ShapeError)
  })
})
