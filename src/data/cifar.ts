/**
 * CIFAR-10 and CIFAR-100 in their binary versions, https://www.cs.toronto.edu/~kriz/cifar.html (Krizhevsky, 2009):
 * 50,000 images of 32 × 32 to train and 10,000 to test.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DataError } from '../device/errors.js'
import type { Dataset, Splits } from './dataset.js'
import { readNamed } from './readNamed.js'

const SIDE = 32
const PLANE = SIDE * SIDE
const IMAGE_BYTES = 3 * PLANE

/** One of the two archives, read with one of its labels. */
interface Format {
  readonly name: string
  readonly archive: string
  /** The folder inside the archive. */
  readonly folder: string
  readonly trainFiles: readonly string[]
  readonly testFiles: readonly string[]
  readonly recordsPerFile: { readonly train: number; readonly test: number }
  /** Each record begins with so many labels of one byte; its red, green and blue planes follow. */
  readonly labelBytes: number
  /** The one that is taken. */
  readonly labelAt: number
  readonly classCount: number
  readonly classesFile: string
}

const CIFAR10: Format = {
  name: 'cifar10',
  archive: 'CIFAR-10 (cifar-10-binary.tar.gz)',
  folder: 'cifar-10-batches-bin',
  trainFiles: [1, 2, 3, 4, 5].map(batch => `data_batch_${batch}.bin`),
  testFiles: ['test_batch.bin'],
  recordsPerFile: { train: 10_000, test: 10_000 },
  labelBytes: 1,
  labelAt: 0,
  classCount: 10,
  classesFile: 'batches.meta.txt',
}

const CIFAR100: Format = {
  name: 'cifar100',
  archive: 'CIFAR-100 (cifar-100-binary.tar.gz)',
  folder: 'cifar-100-binary',
  trainFiles: ['train.bin'],
  testFiles: ['test.bin'],
  recordsPerFile: { train: 50_000, test: 10_000 },
  labelBytes: 2,
  labelAt: 1,
  classCount: 100,
  classesFile: 'fine_label_names.txt',
}

const CIFAR100_COARSE: Format = {
  ...CIFAR100,
  name: 'cifar100-coarse',
  labelAt: 0,
  classCount: 20,
  classesFile: 'coarse_label_names.txt',
}

type Load = (path: string, source: string, onProgress?: (done: number, total: number) => void) => Promise<Splits>

/**
 * Ten classes.
 * @param path the folder with the six `.bin` files and `batches.meta.txt`, or the one above it
 * @throws DataError when a file is missing, is not of its size, or holds a label above 9.
 */
export const loadCifar10 = loaderOf(CIFAR10)

/**
 * A hundred classes.
 * @param path the folder with `train.bin`, `test.bin` and `fine_label_names.txt`, or the one above it
 * @throws DataError when a file is missing, is not of its size, or holds a label above 99.
 */
export const loadCifar100 = loaderOf(CIFAR100)

/** The same images in twenty superclasses, named in `coarse_label_names.txt`. */
export const loadCifar100Coarse = loaderOf(CIFAR100_COARSE)

function loaderOf(format: Format): Load {
  return async (path, source, onProgress) => {
    const inner = join(path, format.folder)
    const folder = existsSync(inner) ? inner : path
    const classes = await classesOf(format, folder)
    const { trainFiles, testFiles, recordsPerFile } = format
    const total = trainFiles.length * recordsPerFile.train + testFiles.length * recordsPerFile.test
    let done = 0
    const load = async (files: readonly string[], perFile: number): Promise<Dataset> => {
      const count = files.length * perFile
      const images = new Uint8Array(count * IMAGE_BYTES)
      const labels = new Int32Array(count)
      for (const [i, file] of files.entries()) {
        const bytes = await read(format, folder, file)
        const wanted = perFile * (format.labelBytes + IMAGE_BYTES)
        if (bytes.length !== wanted) {
          throw new DataError(`${join(folder, file)}: wanted ${wanted} bytes, got ${bytes.length}; download it again`)
        }
        unpack(format, bytes, join(folder, file), images, labels, i * perFile)
        done += perFile
        onProgress?.(done, total)
      }
      const shape = { height: SIDE, width: SIDE, channels: 3 } as const
      return { name: format.name, source, ...shape, count, images, labels, classes }
    }
    return {
      train: await load(trainFiles, recordsPerFile.train),
      test: await load(testFiles, recordsPerFile.test),
      skipped: [],
    }
  }
}

async function classesOf(format: Format, folder: string): Promise<string[]> {
  const { classesFile, classCount } = format
  const lines = (await read(format, folder, classesFile)).toString('utf8').split(/\r?\n/)
  const classes = lines.filter(line => line !== '')
  if (classes.length === classCount) return classes
  throw new DataError(`${join(folder, classesFile)}: wanted ${classCount} class names, got ${classes.length}`)
}

function read({ archive }: Format, folder: string, file: string): Promise<Buffer> {
  return readNamed(folder, file, `the binary version of ${archive}, extracted`)
}

/** Writes the records of one file to `images` (planes interleaved to `[H, W, C]`) and `labels`, from `first` on. */
function unpack(
  { labelBytes, labelAt, classCount }: Format,
  bytes: Uint8Array,
  file: string,
  images: Uint8Array,
  labels: Int32Array,
  first: number,
): void {
  const recordBytes = labelBytes + IMAGE_BYTES
  for (let record = 0; record < bytes.length / recordBytes; record++) {
    const start = record * recordBytes
    const label = bytes[start + labelAt]!
    if (label >= classCount) {
      throw new DataError(`${file}: record ${record} has label ${label}, wanted 0 … ${classCount - 1}`)
    }
    labels[first + record] = label
    let out = (first + record) * IMAGE_BYTES
    const pixels = start + labelBytes
    for (let red = pixels; red < pixels + PLANE; red++) {
      images[out++] = bytes[red]!
      images[out++] = bytes[red + PLANE]!
      images[out++] = bytes[red + 2 * PLANE]!
    }
  }
}
