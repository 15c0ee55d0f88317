import assert from 'node:assert/strict'
import { DataError } from '../../src/device/errors.js'
import { decodeSafetensors, encodeSafetensors, type StoredTensor } from '../../src/train/safetensors.js'

/** A file from its parts, by hand: length, header as given, data. */
function file(header: string, data: readonly number[] = [], headerBytes = Buffer.byteLength(header)): Uint8Array {
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(headerBytes))
  return Buffer.concat([length, Buffer.from(header), Buffer.from(data)])
}

describe('train/safetensors: the file format', () => {
  it('reads bytes that were put together by hand', () => {
    const header =
      '{"__metadata__":{"made":"by hand"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},' +
      '"scalar":{"dtype":"I32","shape":[],"data_offsets":[8,12]},"c":{"dtype":"U8","shape":[1,3],"data_offsets":[12,15]},' +
      '"none":{"dtype":"U32","shape":[0,4],"data_offsets":[15,15]}}'
    const data = [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 0xfe, 0xff, 0xff, 0xff, 1, 2, 255]
    const { tensors, metadata } = decodeSafetensors(file(header, data), 'by-hand')
    assert.deepEqual(metadata, { made: 'by hand' })
    assert.deepEqual(
      tensors,
      new Map<string, StoredTensor>([
        ['a', { dtype: 'float32', shape: [2], data: Float32Array.of(1, -2) }],
        ['scalar', { dtype: 'int32', shape: [], data: Int32Array.of(-2) }],
        ['c', { dtype: 'uint8', shape: [1, 3], data: Uint8Array.of(1, 2, 255) }],
        ['none', { dtype: 'uint32', shape: [0, 4], data: new Uint32Array(0) }],
      ]),
    )
  })

  it('writes the bytes that the format asks for: wide elements first, header padded to 8', () => {
    const bytes = encodeSafetensors(
      new Map<string, StoredTensor>([
        ['b', { dtype: 'uint8', shape: [1], data: Uint8Array.of(7) }],
        ['a', { dtype: 'float32', shape: [1, 1], data: Float32Array.of(1) }],
      ]),
    )
    const header =
      '{"a":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[1],"data_offsets":[4,5]}}'
    const padded = header.padEnd(Math.ceil(header.length / 8) * 8)
    assert.deepEqual(Buffer.from(bytes), Buffer.from(file(padded, [0, 0, 0x80, 0x3f, 7])))
  })

  it('gives back what it wrote, whatever the order of the names', () => {
    const entries: [string, StoredTensor][] = [
      ['weights', { dtype: 'float32', shape: [2, 3], data: Float32Array.of(1, -0, Number.NaN, Infinity, 1e-45, 3) }],
      ['counter', { dtype: 'uint32', shape: [2], data: Uint32Array.of(0, 2 ** 32 - 1) }],
      ['Größe', { dtype: 'uint8', shape: [3], data: Uint8Array.of(1, 2, 3).subarray(0, 3) }],
      ['part', { dtype: 'int32', shape: [2], data: Int32Array.of(1, 2, 3, 4).subarray(1, 3) }],
    ]
    const bytes = encodeSafetensors(new Map(entries), { step: '3' })
    assert.deepEqual(encodeSafetensors(new Map(entries.reverse()), { step: '3' }), bytes)
    // At an odd address, so that nothing relies on the alignment of what it is given.
    const shifted = new Uint8Array(bytes.length + 1)
    shifted.set(bytes, 1)
    const { tensors, metadata } = decodeSafetensors(shifted.subarray(1), 'round')
    assert.deepEqual(tensors, new Map(entries))
    assert.deepEqual(metadata, { step: '3' })
    assert.deepEqual(decodeSafetensors(encodeSafetensors(new Map()), 'empty').tensors, new Map())
  })

  it('refuses to write a tensor that is not what it says', () => {
    const write =
      (tensor: StoredTensor, name = 'x') =>
      () =>
        encodeSafetensors(new Map([[name, tensor]]))
    assert.throws(write({ dtype: 'float32', shape: [3], data: new Float32Array(2) }), {
      name: 'DataError',
      message: 'tensor x: float32 [3] wants 3 elements in a Float32Array, got 2 in a Float32Array',
    })
    assert.throws(write({ dtype: 'float32', shape: [2], data: new Int32Array(2) }), /got 2 in a Int32Array/)
    assert.throws(write({ dtype: 'uint8', shape: [0], data: new Uint8Array() }, '__metadata__'), DataError)
  })

  const entry = (offsets: string, rest = '"dtype":"U8","shape":[2]') => `{${rest},"data_offsets":${offsets}}`
  const refused: [name: string, bytes: Uint8Array, reason: RegExp][] = [
    ['a few bytes', new Uint8Array(5), /wanted at least 8 bytes, got 5/],
    ['a header that goes beyond the file', file('{}', [], 3), /the header ends at byte 11, the file at 10/],
    ['an absurd header', file('{}', [], 2 ** 40), /more than the format allows/],
    ['a header that is not JSON', file('{"a":'), /its header is not JSON/],
    ['a header that is not UTF-8', Buffer.concat([file('', [], 1), Buffer.of(0xff)]), /its header is not JSON/],
    ['a header that is a list', file('[]'), /its header is no JSON object/],
    ['an entry without a shape', file('{"a":{"dtype":"U8","data_offsets":[0,0]}}'), /tensor a wants dtype, shape and/],
    [
      'an entry with a fractional length',
      file(`{"a":${entry('[0,2]', '"dtype":"U8","shape":[0.5]')}}`),
      /tensor a wants/,
    ],
    [
      'an unknown element type',
      file(`{"a":${entry('[0,4]', '"dtype":"F16","shape":[2]')}}`),
      /tensor a is F16, wanted one/,
    ],
    ['offsets that do not fit the shape', file(`{"a":${entry('[0,3]')}}`, [1, 2, 3]), /wants 2 bytes, got 3/],
    ['offsets in the wrong order', file(`{"a":${entry('[2,0]')}}`, [1, 2]), /wants 2 bytes, got -2/],
    ['data cut short', file(`{"a":${entry('[0,2]')}}`, [1]), /ends at byte \d+, the file at \d+/],
    ['data too long', file(`{"a":${entry('[0,2]')}}`, [1, 2, 3]), /wanted \d+ bytes, got \d+/],
    [
      'overlaps',
      file(`{"a":${entry('[0,2]')},"b":${entry('[1,3]')}}`, [1, 2, 3]),
      /tensor b begins at offset 1, where 2/,
    ],
    [
      'gaps',
      file(`{"a":${entry('[0,2]')},"b":${entry('[3,5]')}}`, [1, 2, 3, 4, 5]),
      /tensor b begins at offset 3, where 2/,
    ],
    ['metadata that are not texts', file('{"__metadata__":{"a":1}}'), /__metadata__ wants texts/],
  ]
  for (const [name, bytes, reason] of refused) {
    it(`refuses ${name}, naming the file`, () => {
      assert.throws(
        () => decodeSafetensors(bytes, 'run/x.safetensors'),
        (error: unknown) =>
          error instanceof DataError &&
          error.message.startsWith('run/x.safetensors is not a good safetensors file: ') &&
          reason.test(error.message),
      )
    })
  }
})
