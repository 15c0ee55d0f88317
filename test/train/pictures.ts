/** Pictures of noise, for tests of whole runs. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { Generator } from '../../src/tensor/philox.js'

const SIDE = 8

/** `count` PNG files of 8 × 8 pixels, the same for the same count. */
export async function writePictures(folder: string, count: number): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const generator = new Generator(count)
  for (let i = 0; i < count; i++) {
    const pixels = Buffer.from(Array.from({ length: SIDE * SIDE * 3 }, () => generator.uniform(0, 255)))
    const file = join(folder, `${String(i).padStart(3, '0')}.png`)
    await sharp(pixels, { raw: { width: SIDE, height: SIDE, channels: 3 } }).toFile(file)
  }
}
