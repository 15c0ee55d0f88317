/** STL-10 in its binary version, https://cs.stanford.edu/~acoates/stl10/ (Coates, Lee & Ng, 2011). */
import { existsSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { DataError } from '../device/errors.js'
import { type Dataset, limitIndices, type Splits, subset } from './dataset.js'
import { allocateImages } from './memory.js'
import { readNamed, unreadable } from './readNamed.js'

const SIDE = 96
const PLANE = SIDE * SIDE
const IMAGE_BYTES = 3 * PLANE
const CLASS_COUNT = 10
const CLASSES_FILE = 'class_names.txt'
const WANTED = 'the binary version of STL-10 (stl10_binary.tar.gz), extracted'
/** Images read at a time: 7 MB. */
const CHUNK = 256

export interface Stl10Options {
  /** Trains on a random so many of the labelled and unlabelled images together; the others are not read. */
  readonly limit?: number
  /** Decides which images `limit` takes. */
  readonly seed?: number
  /** Images read so far, of all splits, and how many there are. */
  readonly onProgress?: (done: number, total: number) => void
}

/**
 * Images of 96 × 96. To train on: the 100,000 unlabelled ones (label −1) and after them the 5,000 labelled ones of the
 * train split. Probes are fitted on those 5,000, all of them whatever the limit, and tested on the 8,000 of the test
 * split. The numbers are those of the files, so that smaller files of the same form can be read as well.
 *
 * @param path the folder with `train_X.bin`, `train_y.bin`, `test_X.bin`, `test_y.bin`, `unlabeled_X.bin` and
 * `class_names.txt`, or the one above it
 * @throws DataError when a file is missing or not of its form, or the images do not fit into memory: 2.9 GB without a
 * limit.
 */
export async function loadStl10(path: string, source: string, options: Stl10Options = {}): Promise<Splits> {
  const { limit, seed = 0, onProgress } = options
  const inner = join(path, 'stl10_binary')
  const folder = existsSync(inner) ? inner : path
  const classes = await classesOf(folder)
  await using train = await ImageFile.open(folder, 'train_X.bin')
  await using test = await ImageFile.open(folder, 'test_X.bin')
  await using unlabelled = await ImageFile.open(folder, 'unlabeled_X.bin')
  const chosen = limitIndices(unlabelled.count + train.count, limit, seed)
  const chosenUnlabelled = chosen.filter(index => index < unlabelled.count)
  const chosenTrain = chosen.filter(index => index >= unlabelled.count).map(index => index - unlabelled.count)

  let done = 0
  const total = train.count + test.count + chosenUnlabelled.length
  const onImages = (count: number) => {
    done += count
    onProgress?.(done, total)
  }
  const dataset = (images: Uint8Array, labels: Int32Array): Dataset => {
    return {
      name: 'stl10',
      source,
      height: SIDE,
      width: SIDE,
      channels: 3,
      count: labels.length,
      images,
      labels,
      classes,
    }
  }
  const labelled = async (file: ImageFile, labelsFile: string): Promise<Dataset> => {
    const labels = await labelsOf(folder, labelsFile, file.count)
    const images = allocateImages(file.count, IMAGE_BYTES)
    await file.read(labels.keys(), images, onImages)
    return dataset(images, labels)
  }
  const probed = await labelled(train, 'train_y.bin')
  const images = allocateImages(chosen.length, IMAGE_BYTES)
  await unlabelled.read(chosenUnlabelled, images, onImages)
  const known = subset(probed, chosenTrain)
  images.set(known.images, chosenUnlabelled.length * IMAGE_BYTES)
  const labels = new Int32Array(chosen.length).fill(-1)
  labels.set(known.labels!, chosenUnlabelled.length)
  return { train: dataset(images, labels), labelled: probed, test: await labelled(test, 'test_y.bin'), skipped: [] }
}

/** A file of images one after the other, red, green and blue plane each, column after column. */
class ImageFile implements AsyncDisposable {
  private constructor(
    private readonly handle: FileHandle,
    readonly count: number,
  ) {}

  /** @throws DataError for a file that cannot be read, or is no whole number of images */
  static async open(folder: string, name: string): Promise<ImageFile> {
    const handle = await open(join(folder, name)).catch(cause => {
      throw unreadable(folder, name, WANTED, cause)
    })
    const { size } = await handle.stat()
    if (size > 0 && size % IMAGE_BYTES === 0) return new ImageFile(handle, size / IMAGE_BYTES)
    await handle.close()
    throw new DataError(
      `${join(folder, name)}: wanted a multiple of ${IMAGE_BYTES} bytes, got ${size}; download it again`,
    )
  }

  /** Writes the images of ascending numbers to `out`, `[H, W, C]` each. */
  async read(numbers: Iterable<number>, out: Uint8Array, onImages: (count: number) => void): Promise<void> {
    const chunk = new Uint8Array(CHUNK * IMAGE_BYTES)
    let inChunk = -1
    let at = 0
    for (const number of numbers) {
      const wanted = Math.floor(number / CHUNK)
      if (wanted !== inChunk) {
        await this.handle.read(chunk, 0, chunk.length, wanted * chunk.length)
        inChunk = wanted
      }
      const from = (number % CHUNK) * IMAGE_BYTES
      unpack(chunk.subarray(from, from + IMAGE_BYTES), out.subarray(at, at + IMAGE_BYTES))
      at += IMAGE_BYTES
      onImages(1)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.handle.close()
  }
}

/** From `[C, W, H]` to `[H, W, C]`. */
function unpack(columns: Uint8Array, out: Uint8Array): void {
  let at = 0
  for (let y = 0; y < SIDE; y++) {
    for (let red = y; red < PLANE; red += SIDE) {
      out[at++] = columns[red]!
      out[at++] = columns[red + PLANE]!
      out[at++] = columns[red + 2 * PLANE]!
    }
  }
}

/** A byte an image, 1 … 10 in the file and 0 … 9 here. */
async function labelsOf(folder: string, name: string, count: number): Promise<Int32Array> {
  const bytes = await readNamed(folder, name, WANTED)
  if (bytes.length !== count) {
    throw new DataError(`${join(folder, name)}: wanted ${count} labels, one an image, got ${bytes.length}`)
  }
  const wrong = bytes.findIndex(label => label < 1 || label > CLASS_COUNT)
  if (wrong >= 0) {
    throw new DataError(`${join(folder, name)}: image ${wrong} has label ${bytes[wrong]}, wanted 1 … ${CLASS_COUNT}`)
  }
  return Int32Array.from(bytes, label => label - 1)
}

async function classesOf(folder: string): Promise<string[]> {
  const lines = (await readNamed(folder, CLASSES_FILE, WANTED)).toString('utf8').split(/\r?\n/)
  const classes = lines.filter(line => line !== '')
  if (classes.length === CLASS_COUNT) return classes
  throw new DataError(`${join(folder, CLASSES_FILE)}: wanted ${CLASS_COUNT} class names, got ${classes.length}`)
}
