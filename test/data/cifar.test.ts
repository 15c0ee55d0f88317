import assert from 'node:assert/strict'
import { closeSync, ftruncateSync, mkdirSync, openSync, rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { loadData } from '../../src/data/loadData.js'
import { DataError } from '../../src/device/errors.js'
import { inFolder } from './images.js'

const FINE = Array.from({ length: 100 }, (_, i) => `fine ${i}`)
const COARSE = Array.from({ length: 20 }, (_, i) => `coarse ${i}`)
const CLASSES = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck']
const RECORD_BYTES = 3073
const FILE_BYTES = 10_000 * RECORD_BYTES

/** One record: red counts pixels, green is the label times ten, blue is `blue`. */
function record(label: number, blue: number): Uint8Array {
  const bytes = new Uint8Array(RECORD_BYTES)
  bytes[0] = label
  for (let pixel = 0; pixel < 1024; pixel++) bytes[1 + pixel] = pixel % 256
  bytes.fill(label * 10, 1025, 2049)
  bytes.fill(blue, 2049)
  return bytes
}

/** Six files of the right size, black but for the first and the last record (holes in the file take no space). */
function writeCifar10(folder: string): void {
  mkdirSync(folder, { recursive: true })
  const files = ['data_batch_1', 'data_batch_2', 'data_batch_3', 'data_batch_4', 'data_batch_5', 'test_batch']
  for (const [i, name] of files.entries()) {
    const file = openSync(join(folder, `${name}.bin`), 'w')
    ftruncateSync(file, FILE_BYTES)
    writeSync(file, record(i, 100), 0, RECORD_BYTES, 0)
    writeSync(file, record(9 - i, 200), 0, RECORD_BYTES, FILE_BYTES - RECORD_BYTES)
    closeSync(file)
  }
  writeFileSync(join(folder, 'batches.meta.txt'), `${CLASSES.join('\n')}\n\n`)
}

describe('data/cifar: CIFAR-10', () => {
  it('reads the binary version, planes turned into pixels, files in order', () =>
    inFolder(async folder => {
      writeCifar10(folder)
      const { train, test } = await loadData(`cifar10:${folder}`)
      assert.deepEqual([train.count, train.height, train.width, train.channels], [50_000, 32, 32, 3])
      assert.equal(test!.count, 10_000)
      assert.deepEqual(train.classes, CLASSES)
      assert.equal(train.source, `cifar10:${folder}`)
      for (let batch = 0; batch < 5; batch++) {
        const first = batch * 10_000
        const last = first + 9_999
        assert.deepEqual([train.labels![first], train.labels![last]], [batch, 9 - batch])
        assert.deepEqual(
          [...train.images.subarray(first * 3072, first * 3072 + 6)],
          [0, batch * 10, 100, 1, batch * 10, 100],
        )
        assert.deepEqual(
          [...train.images.subarray((last + 1) * 3072 - 3, (last + 1) * 3072)],
          [255, 90 - batch * 10, 200],
        )
      }
      assert.deepEqual([test!.labels![0], test!.labels![9_999]], [5, 4])

      const limited = await loadData(`cifar10:${folder}`, { limit: 100 })
      assert.deepEqual([limited.train.count, limited.test!.count], [100, 10_000])
    }))

  it('finds the folder inside the one that was extracted, and names a file that is wrong or missing', () =>
    inFolder(async folder => {
      const inner = join(folder, 'cifar-10-batches-bin')
      writeCifar10(inner)
      const batch = join(inner, 'data_batch_3.bin')
      truncateSync(batch, 5000)
      await assert.rejects(
        loadData(`cifar10:${folder}`),
        new DataError(`${batch}: wanted 30730000 bytes, got 5000; download it again`),
      )
      rmSync(batch)
      await assert.rejects(loadData(`cifar10:${folder}`), (error: Error) => {
        assert.ok(error instanceof DataError)
        assert.match(error.message, /data_batch_3\.bin cannot be read \(ENOENT\); wanted the binary version/)
        return true
      })
    }))

  it('refuses a label above 9', () =>
    inFolder(async folder => {
      writeCifar10(folder)
      const file = openSync(join(folder, 'data_batch_1.bin'), 'r+')
      writeSync(file, Uint8Array.of(10), 0, 1, 2 * RECORD_BYTES)
      closeSync(file)
      await assert.rejects(loadData(`cifar10:${folder}`), /data_batch_1\.bin: record 2 has label 10, wanted 0 … 9/)
    }))
})

/** Records of CIFAR-100: coarse label, fine label, then an image as in CIFAR-10's; holes but for first and last. */
function writeCifar100(folder: string): void {
  mkdirSync(folder, { recursive: true })
  const bytes = 1 + RECORD_BYTES
  for (const [name, count] of [
    ['train.bin', 50_000],
    ['test.bin', 10_000],
  ] as const) {
    const file = openSync(join(folder, name), 'w')
    ftruncateSync(file, count * bytes)
    writeSync(file, Uint8Array.of(19, ...record(99, 100)), 0, bytes, 0)
    writeSync(file, Uint8Array.of(3, ...record(7, 200)), 0, bytes, (count - 1) * bytes)
    closeSync(file)
  }
  writeFileSync(join(folder, 'fine_label_names.txt'), `${FINE.join('\n')}\n`)
  writeFileSync(join(folder, 'coarse_label_names.txt'), `${COARSE.join('\r\n')}\r\n`)
}

describe('data/cifar: CIFAR-100', () => {
  it('reads a hundred fine classes, or twenty coarse ones', () =>
    inFolder(async folder => {
      writeCifar100(join(folder, 'cifar-100-binary'))
      const fine = await loadData(`cifar100:${folder}`)
      const coarse = await loadData(`cifar100-coarse:${folder}`)
      assert.deepEqual([fine.train.name, coarse.train.name], ['cifar100', 'cifar100-coarse'])
      assert.deepEqual([fine.train.classes, coarse.train.classes], [FINE, COARSE])
      for (const { train, test } of [fine, coarse]) {
        assert.deepEqual(
          [train.count, test!.count, train.height, train.width, train.channels],
          [50_000, 10_000, 32, 32, 3],
        )
        // Green holds ten times the fine label, modulo 256.
        assert.deepEqual([...train.images.subarray(0, 6)], [0, 990 % 256, 100, 1, 990 % 256, 100])
        assert.deepEqual([...test!.images.subarray(-3)], [255, 70, 200])
      }
      assert.deepEqual([fine.train.labels![0], fine.train.labels!.at(-1), fine.test!.labels!.at(-1)], [99, 7, 7])
      assert.deepEqual([coarse.train.labels![0], coarse.train.labels!.at(-1), coarse.test!.labels!.at(-1)], [19, 3, 3])
    }))

  it('refuses a label that is no class, and names what is missing', () =>
    inFolder(async folder => {
      writeCifar100(folder)
      const file = openSync(join(folder, 'train.bin'), 'r+')
      writeSync(file, Uint8Array.of(20, 100), 0, 2, 0)
      closeSync(file)
      const said = (spec: string, message: RegExp) =>
        assert.rejects(
          loadData(`${spec}:${folder}`),
          (error: Error) => error instanceof DataError && message.test(error.message),
        )
      await said('cifar100', /train\.bin: record 0 has label 100, wanted 0 … 99/)
      await said('cifar100-coarse', /train\.bin: record 0 has label 20, wanted 0 … 19/)
      writeFileSync(join(folder, 'fine_label_names.txt'), 'apple\n')
      await said('cifar100', /fine_label_names\.txt: wanted 100 class names, got 1/)
      rmSync(join(folder, 'coarse_label_names.txt'))
      await said(
        'cifar100-coarse',
        /coarse_label_names\.txt cannot be read \(ENOENT\); wanted the binary version of CIFAR-100/,
      )
    }))
})
