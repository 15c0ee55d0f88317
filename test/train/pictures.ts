/** Pictures of noise, for tests of whole runs. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { Generator } from '../../src/tensor/philox.js'

/** `count` square PNG files, the same for the same count. */
export async function writePictures(folder: string, count: number, side = 8): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const generator = new Generator(count)
  for (let i = 0; i < count; i++) {
    const pixels = Buffer.from(Array.from({ length: side * side * 3 }, () => generator.uniform(0, 255)))
    const file = join(folder, `${String(i).padStart(3, '0')}.png`)
    await sharp(pixels, { raw: { width: side, height: side, channels: 3 } }).toFile(file)
  }
}

/** `train` and `test` with so many pictures of each of the classes `a` and `b`. */
export async function writeSplits(
  folder: string,
  { train, test, side }: { readonly train: number; readonly test: number; readonly side?: number },
): Promise<void> {
  for (const label of ['a', 'b']) {
    await writePictures(join(folder, 'train', label), train, side)
    await writePictures(join(folder, 'test', label), test, side)
  }
}
