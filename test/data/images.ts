/** Small images on disk for the tests of data sets. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import sharp, { type Sharp } from 'sharp'

/** Runs `body` with a new empty folder, which is gone afterwards. */
export async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'selfsame-data-'))
  try {
    await body(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Writes an image of one colour; the format follows from the file's name. */
export async function writeColour(file: string, colour: string, width = 8, height = 8): Promise<void> {
  mkdirSync(dirname(file), { recursive: true })
  await sharp({ create: { width, height, channels: 3, background: colour } }).toFile(file)
}

/** An RGB picture `[height, width, 3]` in which every pixel differs from its neighbours. */
export function picture(width: number, height: number): Buffer {
  return Buffer.from(Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 37 + (i >> 5) * 11) % 256))
}

export function fromPicture(width: number, height: number): Sharp {
  return sharp(picture(width, height), { raw: { width, height, channels: 3 } })
}
