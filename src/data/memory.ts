import { freemem } from 'node:os'
import { DataError } from '../device/errors.js'

/** Bytes that this process may still take: what the machine has free, and no more than its control group allows. */
export function availableBytes(): number {
  return Math.min(freemem(), process.constrainedMemory() || Number.POSITIVE_INFINITY)
}

/**
 * Room for `count` images. Checked first, because a system that promises more memory than it has kills the process
 * when the images are written, without a word.
 * @throws DataError that says how much was wanted and how much there is
 */
export function allocateImages(count: number, imageBytes: number, room = availableBytes()): Uint8Array {
  const bytes = count * imageBytes
  const tooLarge = (reason: string, cause?: unknown) => {
    const wanted = `${count} images take ${gigabytes(bytes)}, ${reason}; take fewer of them (limit) or smaller ones`
    return new DataError(wanted, { cause })
  }
  if (bytes > room) throw tooLarge(`and ${gigabytes(room)} of memory are free`)
  try {
    return new Uint8Array(bytes)
  } catch (cause) {
    throw tooLarge('more than one array can hold', cause)
  }
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`
}
