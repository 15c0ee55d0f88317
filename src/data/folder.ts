/** A folder of images as a data set. */
import { basename, join, resolve } from 'node:path'
import { ConfigError, DataError } from '../device/errors.js'
import { type Dataset, holdOutIndices, limitIndices, type SkippedFile, type Splits } from './dataset.js'
import { decodeImages, shortSide } from './decodeImages.js'
import { findImageFiles, type ImageFile, type ImageFolder } from './imageFiles.js'

/** Share of the files that may fail to decode before the whole folder is refused. */
const FAILURES_ALLOWED = 0.01
const LARGEST_DEFAULT_SIZE = 64

export interface FolderOptions {
  /**
   * Side of the square images. Without it: the short side of the first image (by name) that can be read, at most 64,
   * so that small pictures stay as they are and photographs become something a small machine can train on.
   */
  readonly size?: number
  /** 3 unless said otherwise. */
  readonly channels?: 1 | 3
  /** Takes a random so many of the train split; the others are not decoded. */
  readonly limit?: number
  /** `false`: the test split is not read. */
  readonly test?: boolean
  /** Decides which images `limit` takes. */
  readonly seed?: number
  /** Files handled so far, of both splits, and how many there are. */
  readonly onProgress?: (done: number, total: number) => void
  /** Decodes in flight. */
  readonly decodeThreads?: number
}

/**
 * Reads the layouts of `findImageFiles`. A labelled folder without a test split gets one: a fixed random tenth of its
 * labelled images, the same whatever the seed.
 * @throws DataError when there are no images, or more than 1 % of those wanted do not decode.
 * @throws ConfigError when an option is out of range.
 */
export async function loadFolder(path: string, source: string, options: FolderOptions = {}): Promise<Splits> {
  const { channels = 3, seed = 0 } = options
  requireWhole('size', options.size)
  requireWhole('decodeThreads', options.decodeThreads)
  if (channels !== 1 && channels !== 3) throw new ConfigError(`channels must be 1 or 3, got ${channels}`)

  const folder = await findImageFiles(path)
  const size = options.size ?? (await defaultSize(path, folder.train))
  const splits = withTestSplit(folder)
  const { train } = splits
  const test = options.test === false ? [] : splits.test
  const chosen = Array.from(limitIndices(train.length, options.limit, seed), index => train[index]!)
  const total = chosen.length + test.length
  let done = 0

  const skipped: SkippedFile[] = []
  const load = async (files: readonly ImageFile[]): Promise<Dataset> => {
    const { images, decoded, failed } = await decodeImages(
      files.map(file => join(path, file.path)),
      {
        size,
        channels,
        onFile: () => options.onProgress?.(++done, total),
        ...(options.decodeThreads !== undefined && { inFlight: options.decodeThreads }),
      },
    )
    for (const { index, reason } of failed) skipped.push({ file: files[index]!.path, reason })
    const labels = Int32Array.from(decoded, index => files[index]!.label)
    return {
      name: basename(resolve(path)),
      source,
      height: size,
      width: size,
      channels,
      count: decoded.length,
      images,
      ...(labels.some(label => label >= 0) && { labels }),
      ...(folder.classes && { classes: folder.classes }),
    }
  }
  const trainSplit = await load(chosen)
  const testSplit = test.length > 0 ? await load(test) : undefined
  if (skipped.length > FAILURES_ALLOWED * total) {
    const first = skipped.slice(0, 5).map(({ file, reason }) => `${file} (${reason})`)
    const more = skipped.length > first.length ? ', …' : ''
    const share = `${skipped.length} of ${total} images in ${path} do not decode, more than 1 %`
    throw new DataError(`${share}: ${first.join(', ')}${more}; repair or remove them`)
  }
  return { train: trainSplit, ...(testSplit && { test: testSplit }), skipped }
}

/** The folder's own test split, or a held-out one where there are labels to test against, or none. */
function withTestSplit({ train, test = [], classes }: ImageFolder): {
  train: readonly ImageFile[]
  test: readonly ImageFile[]
} {
  if (test.length > 0 || !classes) return { train, test }
  const labelled = train.filter(file => file.label >= 0)
  const heldOut = new Set(Array.from(holdOutIndices(labelled.length).test, index => labelled[index]!))
  return { train: train.filter(file => !heldOut.has(file)), test: [...heldOut] }
}

async function defaultSize(root: string, files: readonly ImageFile[]): Promise<number> {
  for (const file of files) {
    const side = await shortSide(join(root, file.path))
    if (side !== undefined) return Math.min(side, LARGEST_DEFAULT_SIZE)
  }
  throw new DataError(`none of the ${files.length} images in ${root} can be read`)
}

function requireWhole(name: string, value: number | undefined): void {
  if (value !== undefined && (!Number.isInteger(value) || value < 1)) {
    throw new ConfigError(`${name} must be a whole number of at least 1, got ${value}`)
  }
}
