/** Image files to bytes, with sharp (libvips). */
import { availableParallelism } from 'node:os'
import sharp from 'sharp'
import { DataError } from '../device/errors.js'
import { allocateImages } from './memory.js'

// Many small images: one thread each and several images in flight is faster than several threads on one image, and
// libvips has no use for its cache of operations, since no file is decoded twice.
sharp.concurrency(1)
sharp.cache(false)

export interface DecodeOptions {
  /** Side of the square that every image becomes. */
  readonly size: number
  readonly channels: 1 | 3
  /** Decodes in flight; libuv runs at most `UV_THREADPOOL_SIZE` (4 unless set) at the same time. */
  readonly inFlight?: number
  /** Called after each file, decoded or not. */
  readonly onFile?: () => void
}

export interface Decoded {
  /** `[decoded.length, size, size, channels]`: the files that did decode, in the order given. */
  readonly images: Uint8Array
  /** Their positions in the list of files, ascending. */
  readonly decoded: readonly number[]
  /** The positions of the others, ascending, and what was wrong with them. */
  readonly failed: readonly { readonly index: number; readonly reason: string }[]
}

/**
 * Decodes JPEG, PNG and WebP files of any size: turned upright by their EXIF orientation, resized so that the short
 * side fits (Lanczos) and cropped at the centre; an image that already has the size keeps its bytes. Transparent
 * pixels are laid over white; grey, CMYK and 16-bit images become 8-bit sRGB, or 8-bit grey for one channel. Of an
 * animation the first frame counts. A truncated file counts as failed.
 * @throws DataError when the images do not fit into memory.
 */
export async function decodeImages(files: readonly string[], options: DecodeOptions): Promise<Decoded> {
  const { size, channels } = options
  const imageBytes = size * size * channels
  const images = allocateImages(files.length, imageBytes)
  const reasons = new Map<number, string>()
  let next = 0
  const decodeInTurn = async (): Promise<void> => {
    while (next < files.length) {
      const index = next++
      try {
        images.set(await decodeImage(files[index]!, size, channels), index * imageBytes)
      } catch (error) {
        reasons.set(index, reasonOf(error))
      }
      options.onFile?.()
    }
  }
  const inFlight = options.inFlight ?? Math.min(8, Math.max(4, availableParallelism()))
  await Promise.all(Array.from({ length: inFlight }, decodeInTurn))

  const decoded: number[] = []
  const failed: { index: number; reason: string }[] = []
  for (let index = 0; index < files.length; index++) {
    const reason = reasons.get(index)
    if (reason !== undefined) {
      failed.push({ index, reason })
      continue
    }
    // Closes the gaps that failed files left.
    if (failed.length > 0) {
      images.copyWithin(decoded.length * imageBytes, index * imageBytes, (index + 1) * imageBytes)
    }
    decoded.push(index)
  }
  return { images: images.subarray(0, decoded.length * imageBytes), decoded, failed }
}

/** The short side of an image in pixels, from its header; undefined where there is no readable one. */
export async function shortSide(file: string): Promise<number | undefined> {
  try {
    const { width, height } = await sharp(file).metadata()
    return Math.min(width, height)
  } catch {
    return undefined
  }
}

async function decodeImage(file: string, size: number, channels: 1 | 3): Promise<Uint8Array> {
  // failOn: a warning of the decoder (an odd marker, say) still gives the whole picture; truncation does not.
  const { data, info } = await sharp(file, { failOn: 'error' })
    .autoOrient()
    .resize(size, size, { fit: 'cover', position: 'centre' })
    .flatten({ background: 'white' })
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .raw()
    .toBuffer({ resolveWithObject: true })
  if (info.channels !== channels || info.width !== size || info.height !== size) {
    throw new DataError(`decoded to ${info.height}×${info.width}×${info.channels}, wanted ${size}×${size}×${channels}`)
  }
  return data
}

/** One sentence on one line: libvips reports several lines and the path again. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return message.split('\n')[0]!.trim()
}
