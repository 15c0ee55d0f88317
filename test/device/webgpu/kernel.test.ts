import assert from 'node:assert/strict'
import { DeviceError } from '../../../src/device/errors.js'
import { encodeParams, kernelOf, parse } from '../../../src/device/webgpu/kernel.js'
import { kernels } from '../../../src/device/webgpu/kernels.generated.js'

const binding = (i: number, access: string) => `@group(0) @binding(${i}) var<storage, ${access}> b${i}: array<f32>;\n`

describe('kernel: what its text says', () => {
  it('finds which bindings are written to', () => {
    const source = `${binding(1, 'read_write')}// ${binding(2, 'read')}${binding(0, 'read')}`
    assert.deepEqual(parse('k', source).writes, [false, true])
  })

  it('finds the fields of Params in order', () => {
    const source = 'struct Params {\n  a: u32, b: f32, // c: u32\n  d: i32,\n}'
    assert.deepEqual(parse('k', source).params, [
      { name: 'a', type: 'u32' },
      { name: 'b', type: 'f32' },
      { name: 'd', type: 'i32' },
    ])
    assert.deepEqual(parse('k', 'fn main() {}').params, [])
  })

  it('refuses a gap in the bindings, other field types, and more fields than a slot holds', () => {
    assert.throws(() => parse('k', binding(1, 'read')), /kernel k: group 0 has no @binding\(0\)/)
    assert.throws(() => parse('k', 'struct Params { v: vec4 }'), /field v of Params is vec4, wants u32, i32 or f32/)
    const fields = (count: number) =>
      `struct Params { ${Array.from({ length: count }, (_, i) => `p${i}: u32,`).join(' ')} }`
    assert.equal(parse('k', fields(64)).params.length, 64)
    assert.throws(() => parse('k', fields(65)), DeviceError)
  })

  it('is parsed once for the same parameters in any order', () => {
    const dispatch = { kernel: 'reduce', bindings: [], grid: [1, 1, 1], work: 1 } as const
    const one = kernelOf({ ...dispatch, parameters: { COMBINE: 'total + value', T: 'f32', A: 1 } })
    assert.equal(kernelOf({ ...dispatch, parameters: { A: 1, T: 'f32', COMBINE: 'total + value' } }), one)
    assert.notEqual(kernelOf({ ...dispatch, parameters: { A: 2, T: 'f32', COMBINE: 'total + value' } }), one)
  })

  it('writes parameters in the order of the fields, each in its type', () => {
    const kernel = parse('k', 'struct Params { a: u32, b: f32, c: i32 }')
    const view = new DataView(new ArrayBuffer(24))
    encodeParams(
      kernel,
      { kernel: 'fill', bindings: [], params: { c: -3, a: 2 ** 32 - 1, b: 0.5 }, grid: [1, 1, 1], work: 1 },
      view,
      8,
    )
    assert.deepEqual(
      [view.getUint32(8, true), view.getFloat32(12, true), view.getInt32(16, true)],
      [2 ** 32 - 1, 0.5, -3],
    )
    assert.equal(view.getUint32(4, true), 0)
    assert.equal(view.getUint32(20, true), 0)
  })

  it('every kernel file begins with a header comment and has an entry point', () => {
    for (const [name, source] of Object.entries(kernels)) {
      assert.match(source, /^\/\/ /, name)
      assert.match(source, /fn main\(/, name)
    }
  })
})
