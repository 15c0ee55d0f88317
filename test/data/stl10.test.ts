import assert from 'node:assert/strict'
import { rmSync, truncateSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { loadData } from '../../src/data/loadData.js'
import { allocateImages } from '../../src/data/memory.js'
import { DataError } from '../../src/device/errors.js'
import { evaluationSplits } from '../../src/train/scores.js'
import { inFolder } from './images.js'

const SIDE = 96
const IMAGE_BYTES = 3 * SIDE * SIDE
const CLASSES = ['airplane', 'bird', 'car', 'cat', 'deer', 'dog', 'horse', 'monkey', 'ship', 'truck']
const [TRAIN, TEST, UNLABELLED] = [12, 5, 600]

/** Images as they lie in the file: red is the row, green the column, blue the number of the image. */
function columnMajor(count: number, first: number): Uint8Array {
  const bytes = new Uint8Array(count * IMAGE_BYTES)
  let at = 0
  for (let image = first; image < first + count; image++) {
    for (let x = 0; x < SIDE; x++) for (let y = 0; y < SIDE; y++) bytes[at++] = y
    for (let x = 0; x < SIDE; x++) for (let y = 0; y < SIDE; y++) bytes[at++] = 100 + x
    bytes.fill(image % 251, at, at + SIDE * SIDE)
    at += SIDE * SIDE
  }
  return bytes
}

/** A small data set in the form of the large one; unlabelled images are numbered from 0, train from 1000, test from 2000. */
async function writeStl10(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  const labels = (count: number) => Uint8Array.from({ length: count }, (_, i) => 1 + (i % 10))
  writeFileSync(join(folder, 'unlabeled_X.bin'), columnMajor(UNLABELLED, 0))
  writeFileSync(join(folder, 'train_X.bin'), columnMajor(TRAIN, 1000))
  writeFileSync(join(folder, 'train_y.bin'), labels(TRAIN))
  writeFileSync(join(folder, 'test_X.bin'), columnMajor(TEST, 2000))
  writeFileSync(join(folder, 'test_y.bin'), labels(TEST))
  writeFileSync(join(folder, 'class_names.txt'), `${CLASSES.join('\n')}\n`)
}

/** The number that the blue channel of an image holds. */
function blueOf(images: Uint8Array, image: number): number {
  return images[image * IMAGE_BYTES + 2]!
}

describe('data/stl10', () => {
  it('turns columns into rows and puts unlabelled images before labelled ones', () =>
    inFolder(async folder => {
      await writeStl10(join(folder, 'stl10_binary'))
      let progress: number[] = []
      const { train, labelled, test } = await loadData(`stl10:${folder}`, {
        onProgress: (done, total) => {
          progress = [done, total]
        },
      })
      assert.deepEqual([train.count, labelled!.count, test!.count], [UNLABELLED + TRAIN, TRAIN, TEST])
      assert.deepEqual([train.height, train.width, train.channels], [96, 96, 3])
      assert.deepEqual(train.classes, CLASSES)
      assert.deepEqual(progress, [617, 617])
      const pixel = (image: number, y: number, x: number) => [
        ...train.images.subarray(
          image * IMAGE_BYTES + 3 * (y * SIDE + x),
          image * IMAGE_BYTES + 3 * (y * SIDE + x) + 3,
        ),
      ]
      // Images of the first chunk that is read, of the last, and of the labelled ones.
      assert.deepEqual(pixel(0, 5, 90), [5, 190, 0])
      assert.deepEqual(pixel(599, 95, 0), [95, 100, 599 % 251])
      assert.deepEqual(pixel(611, 0, 1), [0, 101, 1011 % 251])
      for (let image = 0; image < train.count; image++) {
        const number = image < UNLABELLED ? image : 1000 + image - UNLABELLED
        assert.equal(blueOf(train.images, image), number % 251)
        assert.equal(train.labels![image], image < UNLABELLED ? -1 : (image - UNLABELLED) % 10)
      }
      assert.deepEqual([...test!.labels!], [0, 1, 2, 3, 4])
      assert.equal(blueOf(test!.images, 4), 2004 % 251)
    }))

  it('fits probes on all labelled images and on no other, whatever the limit', () =>
    inFolder(async folder => {
      await writeStl10(folder)
      const splits = await loadData(`stl10:${folder}`, { limit: 400, seed: 3 })
      const { train } = splits
      assert.equal(train.count, 400)
      const known = [...train.labels!.keys()].filter(image => train.labels![image]! >= 0)
      assert.ok(known.length > 0 && known.length < TRAIN)
      for (const image of known) {
        const label = train.labels![image]!
        assert.ok([label, label + 10].some(number => blueOf(train.images, image) === (1000 + number) % 251))
      }
      const again = await loadData(`stl10:${folder}`, { limit: 400, seed: 3 })
      const other = await loadData(`stl10:${folder}`, { limit: 400, seed: 4 })
      assert.deepEqual(again.train.images, train.images)
      assert.notDeepEqual(other.train.images, train.images)

      const evaluated = evaluationSplits(splits)!
      assert.deepEqual([evaluated.train.count, evaluated.test.count], [TRAIN, TEST])
      assert.deepEqual([...evaluated.train.labels!], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1])
    }))

  it('says which file is missing or wrong', () =>
    inFolder(async folder => {
      await writeStl10(folder)
      const said = (message: RegExp) =>
        assert.rejects(
          loadData(`stl10:${folder}`),
          (error: Error) => error instanceof DataError && message.test(error.message),
        )
      writeFileSync(join(folder, 'train_y.bin'), Uint8Array.of(1, 2, 3))
      await said(/train_y\.bin: wanted 12 labels, one an image, got 3/)
      writeFileSync(join(folder, 'train_y.bin'), new Uint8Array(TRAIN).fill(1).fill(11, 5, 6))
      await said(/train_y\.bin: image 5 has label 11, wanted 1 … 10/)
      truncateSync(join(folder, 'test_X.bin'), IMAGE_BYTES + 1)
      await said(/test_X\.bin: wanted a multiple of 27648 bytes, got 27649; download it again/)
      rmSync(join(folder, 'unlabeled_X.bin'))
      truncateSync(join(folder, 'test_X.bin'), IMAGE_BYTES)
      await said(/unlabeled_X\.bin cannot be read \(ENOENT\); wanted the binary version of STL-10/)
    }))
})

describe('data/memory', () => {
  it('refuses what the machine has no room for, before it is taken', () => {
    assert.throws(
      () => allocateImages(105_000, IMAGE_BYTES, 2e9),
      new DataError(
        '105000 images take 2.9 GB, and 2.0 GB of memory are free; take fewer of them (limit) or smaller ones',
      ),
    )
    assert.throws(() => allocateImages(2 ** 40, 3, Number.POSITIVE_INFINITY), /more than one array can hold/)
    assert.equal(allocateImages(2, 3, 6).length, 6)
  })
})
