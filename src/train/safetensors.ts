/**
 * The safetensors format, https://huggingface.co/docs/safetensors: eight bytes with the length of a header (little
 * endian), the header in JSON, `{ name: { dtype, shape, data_offsets: [begin, end] } }` padded with spaces to a
 * multiple of 8, then the tensors without gaps, little endian, row major. Offsets count from the end of the header.
 *
 * Numbers are taken as they lie in memory, so the machine must be little endian, as every machine that Node's builds
 * for GPUs run on is.
 */
import { z } from 'zod'
import { DataError } from '../device/errors.js'
import { ARRAYS, type Dtype, type TypedArray } from '../tensor/tensor.js'

export interface StoredTensor {
  readonly dtype: Dtype
  readonly shape: readonly number[]
  readonly data: TypedArray
}

export interface TensorFile {
  readonly tensors: Map<string, StoredTensor>
  readonly metadata: Readonly<Record<string, string>>
}

const NAMES = { float32: 'F32', int32: 'I32', uint32: 'U32', uint8: 'U8' } as const
const DTYPES = new Map<string, Dtype>((Object.keys(NAMES) as Dtype[]).map(dtype => [NAMES[dtype], dtype]))
const METADATA = '__metadata__'
const PREFIX_BYTES = 8
/** The limit of the reference implementation. */
const MAX_HEADER_BYTES = 100_000_000

const whole = z.int().min(0)
const entrySchema = z.strictObject({ dtype: z.string(), shape: z.array(whole), data_offsets: z.tuple([whole, whole]) })
const metadataSchema = z.record(z.string(), z.string())

/**
 * The bytes of a file. Wide elements come first, then names in order, so that every tensor is aligned and the same
 * tensors give the same bytes.
 * @throws DataError when a tensor has not as many elements as its shape says.
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const entries = [...tensors].sort(
    ([a, { data: x }], [b, { data: y }]) => y.BYTES_PER_ELEMENT - x.BYTES_PER_ELEMENT || (a < b ? -1 : 1),
  )
  const header: Record<string, unknown> = Object.keys(metadata).length > 0 ? { [METADATA]: metadata } : {}
  let bytes = 0
  for (const [name, { dtype, shape, data }] of entries) {
    if (name === METADATA) throw new DataError(`a tensor cannot be called ${METADATA}, which safetensors uses itself`)
    if (!(data instanceof ARRAYS[dtype]) || data.length !== sizeOf(shape)) {
      throw new DataError(
        `tensor ${name}: ${dtype} [${shape}] wants ${sizeOf(shape)} elements in a ${ARRAYS[dtype].name}, ` +
          `got ${data.length} in a ${data.constructor.name}`,
      )
    }
    header[name] = { dtype: NAMES[dtype], shape, data_offsets: [bytes, bytes + data.byteLength] }
    bytes += data.byteLength
  }
  const json = new TextEncoder().encode(JSON.stringify(header))
  const headerBytes = Math.ceil(json.length / 8) * 8
  const file = new Uint8Array(PREFIX_BYTES + headerBytes + bytes)
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true)
  file.fill(0x20, PREFIX_BYTES, PREFIX_BYTES + headerBytes)
  file.set(json, PREFIX_BYTES)
  let at = PREFIX_BYTES + headerBytes
  for (const [, { data }] of entries) {
    file.set(bytesOf(data), at)
    at += data.byteLength
  }
  return file
}

/**
 * @param file the name of the file, for errors
 * @throws DataError when the bytes are not exactly one safetensors file of the element types above: cut short, gaps or
 * overlaps, a header that is not what it should be.
 */
export function decodeSafetensors(bytes: Uint8Array, file: string): TensorFile {
  const fail = (reason: string): never => {
    throw new DataError(`${file} is not a good safetensors file: ${reason}`)
  }
  if (bytes.length < PREFIX_BYTES) fail(`wanted at least ${PREFIX_BYTES} bytes, got ${bytes.length}`)
  const headerBytes = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true))
  if (headerBytes > MAX_HEADER_BYTES) fail(`a header of ${headerBytes} bytes is more than the format allows`)
  const start = PREFIX_BYTES + headerBytes
  if (start > bytes.length) fail(`the header ends at byte ${start}, the file at ${bytes.length}`)
  const header = parseHeader(bytes.subarray(PREFIX_BYTES, start), fail)

  const tensors = new Map<string, StoredTensor>()
  const ranges: { name: string; begin: number; end: number }[] = []
  for (const [name, value] of Object.entries(header)) {
    if (name === METADATA) continue
    const entry = entrySchema.safeParse(value)
    if (!entry.success) return fail(`tensor ${name} wants dtype, shape and data_offsets, got ${JSON.stringify(value)}`)
    const { shape, data_offsets } = entry.data
    const [begin, end] = data_offsets
    const dtype = DTYPES.get(entry.data.dtype)
    if (!dtype) return fail(`tensor ${name} is ${entry.data.dtype}, wanted one of ${[...DTYPES.keys()].join(', ')}`)
    const wanted = sizeOf(shape) * ARRAYS[dtype].BYTES_PER_ELEMENT
    if (end - begin !== wanted) fail(`tensor ${name} [${shape}] wants ${wanted} bytes, got ${end - begin}`)
    if (start + end > bytes.length) fail(`tensor ${name} ends at byte ${start + end}, the file at ${bytes.length}`)
    ranges.push({ name, begin, end })
    // Copied, because the place in the file may not be aligned, and not by slice, which shares a Buffer's memory.
    const own = new Uint8Array(bytes.subarray(start + begin, start + end))
    tensors.set(name, { dtype, shape, data: new ARRAYS[dtype](own.buffer) })
  }

  let covered = 0
  for (const { name, begin, end } of ranges.sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== covered) fail(`tensor ${name} begins at offset ${begin}, where ${covered} was due`)
    covered = end
  }
  if (start + covered !== bytes.length) fail(`wanted ${start + covered} bytes, got ${bytes.length}`)
  const metadata = metadataSchema.safeParse(header[METADATA] ?? {})
  if (!metadata.success) return fail(`${METADATA} wants texts by name`)
  return { tensors, metadata: metadata.data }
}

/** Throws where the bytes are no JSON object. */
function parseHeader(bytes: Uint8Array, fail: (reason: string) => never): Record<string, unknown> {
  let header: unknown
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    return fail(`its header is not JSON (${(error as Error).message})`)
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header))
    return fail('its header is no JSON object')
  return header as Record<string, unknown>
}

/** The memory behind an array, not copied. */
export function bytesOf(data: TypedArray): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((size, length) => size * length, 1)
}
