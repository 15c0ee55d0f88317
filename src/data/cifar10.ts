/** CIFAR-10 in its binary version, https://www.cs.toronto.edu/~kriz/cifar.html (Krizhevsky, 2009). */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DataError } from '../device/errors.js'
import type { Dataset, Splits } from './dataset.js'

const SIDE = 32
const PLANE = SIDE * SIDE
const IMAGE_BYTES = 3 * PLANE
/** One byte of label, then the red, the green and the blue plane. */
const RECORD_BYTES = 1 + IMAGE_BYTES
const RECORDS_PER_FILE = 10_000
const FILE_BYTES = RECORDS_PER_FILE * RECORD_BYTES
const CLASS_COUNT = 10
const CLASSES_FILE = 'batches.meta.txt'
const TRAIN_FILES = [1, 2, 3, 4, 5].map(batch => `data_batch_${batch}.bin`)
const TEST_FILES = ['test_batch.bin']

/**
 * 50,000 images to train and 10,000 to test, `[count, 32, 32, 3]`, in the order of the files.
 * @param path the folder with the six `.bin` files and `batches.meta.txt`, or the one above it
 * @throws DataError when a file is missing, is not of its size, or holds a label above 9.
 */
export async function loadCifar10(
  path: string,
  source: string,
  onProgress?: (done: number, total: number) => void,
): Promise<Splits> {
  const inner = join(path, 'cifar-10-batches-bin')
  const folder = existsSync(inner) ? inner : path
  const classes = (await readNamed(folder, CLASSES_FILE))
    .toString('utf8')
    .split(/\r?\n/)
    .filter(line => line !== '')
  if (classes.length !== CLASS_COUNT) {
    throw new DataError(`${join(folder, CLASSES_FILE)}: wanted ${CLASS_COUNT} class names, got ${classes.length}`)
  }

  let done = 0
  const total = (TRAIN_FILES.length + TEST_FILES.length) * RECORDS_PER_FILE
  const load = async (files: readonly string[]): Promise<Dataset> => {
    const count = files.length * RECORDS_PER_FILE
    const images = new Uint8Array(count * IMAGE_BYTES)
    const labels = new Int32Array(count)
    for (const [i, file] of files.entries()) {
      const bytes = await readNamed(folder, file)
      if (bytes.length !== FILE_BYTES) {
        throw new DataError(`${join(folder, file)}: wanted ${FILE_BYTES} bytes, got ${bytes.length}; download it again`)
      }
      unpack(bytes, join(folder, file), images, labels, i * RECORDS_PER_FILE)
      done += RECORDS_PER_FILE
      onProgress?.(done, total)
    }
    return { name: 'cifar10', source, height: SIDE, width: SIDE, channels: 3, count, images, labels, classes }
  }
  return { train: await load(TRAIN_FILES), test: await load(TEST_FILES), skipped: [] }
}

/** Writes the records of one file to `images` (planes interleaved to `[H, W, C]`) and `labels`, from `first` on. */
function unpack(bytes: Uint8Array, file: string, images: Uint8Array, labels: Int32Array, first: number): void {
  for (let record = 0; record < RECORDS_PER_FILE; record++) {
    const start = record * RECORD_BYTES
    const label = bytes[start]!
    if (label >= CLASS_COUNT) throw new DataError(`${file}: record ${record} has label ${label}, wanted 0 … 9`)
    labels[first + record] = label
    let out = (first + record) * IMAGE_BYTES
    for (let red = start + 1; red < start + 1 + PLANE; red++) {
      images[out++] = bytes[red]!
      images[out++] = bytes[red + PLANE]!
      images[out++] = bytes[red + 2 * PLANE]!
    }
  }
}

async function readNamed(folder: string, file: string): Promise<Buffer> {
  try {
    return await readFile(join(folder, file))
  } catch (cause) {
    const wanted = 'wanted the binary version of CIFAR-10 (cifar-10-binary.tar.gz), extracted'
    throw new DataError(`${join(folder, file)} cannot be read (${(cause as NodeJS.ErrnoException).code}); ${wanted}`, {
      cause,
    })
  }
}
