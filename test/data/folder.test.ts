import assert from 'node:assert/strict'
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadFolder } from '../../src/data/folder.js'
import { loadData } from '../../src/data/loadData.js'
import { ConfigError, DataError } from '../../src/device/errors.js'
import { inFolder, writeColour } from './images.js'

/** `count` PNG files `000.png` … in one folder: image i is grey of brightness i. */
async function writeGreys(folder: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await writeColour(join(folder, `${String(i).padStart(3, '0')}.png`), `rgb(${i},${i},${i})`)
  }
}

/** The first byte of every image. */
function firstBytes({ images, count }: { images: Uint8Array; count: number }): number[] {
  return Array.from({ length: count }, (_, i) => images[(i * images.length) / count]!)
}

describe('data/folder', () => {
  it('reads train/CLASS and test/CLASS, sorted by name, ignoring what is no image', () =>
    inFolder(async folder => {
      await writeColour(join(folder, 'train/dog/b.JPG'), 'rgb(0,0,255)')
      await writeColour(join(folder, 'train/dog/deeper/a.png'), 'rgb(0,255,0)')
      await writeColour(join(folder, 'train/cat/z.webp'), 'rgb(255,0,0)')
      await writeColour(join(folder, 'test/dog/1.jpeg'), 'rgb(0,0,0)')
      writeFileSync(join(folder, 'train/cat/notes.txt'), 'no image')
      writeFileSync(join(folder, 'train/cat/.z.png'), 'what some systems leave behind')
      mkdirSync(join(folder, 'train/bird'))
      const { train, test, skipped } = await loadData(`folder:${folder}`)
      assert.deepEqual(train.classes, ['cat', 'dog'])
      assert.deepEqual([...train.labels!], [0, 1, 1])
      assert.deepEqual([train.count, train.height, train.width, train.channels], [3, 8, 8, 3])
      const [cat, dog, deeper] = [0, 1, 2].map(i => [...train.images.subarray(i * 192, i * 192 + 3)])
      assert.ok(cat![0]! > 245 && cat![1]! < 10, `red, as lossy WebP has it: ${cat}`)
      assert.deepEqual(deeper, [0, 255, 0])
      assert.ok(dog![2]! > 245 && dog![1]! < 10, `blue, as JPEG has it: ${dog}`)
      assert.deepEqual([...test!.labels!], [1])
      assert.deepEqual(skipped, [])
    }))

  it('takes val/ for test/, and the classes of both splits together', () =>
    inFolder(async folder => {
      await writeColour(join(folder, 'train/b/1.png'), 'red')
      await writeColour(join(folder, 'train/c/1.png'), 'red')
      await writeColour(join(folder, 'val/a/1.png'), 'red')
      const { train, test } = await loadFolder(folder, 'folder:x')
      assert.deepEqual(test!.classes, ['a', 'b', 'c'])
      assert.deepEqual([...train.labels!, ...test!.labels!], [1, 2, 0])
    }))

  it('leaves the test split alone where it is not wanted', () =>
    inFolder(async folder => {
      await writeColour(join(folder, 'train/a/1.png'), 'red')
      await writeColour(join(folder, 'train/b/1.png'), 'red')
      writeFileSync(join(folder, 'train/b/note.txt'), '')
      mkdirSync(join(folder, 'test/a'), { recursive: true })
      writeFileSync(join(folder, 'test/a/1.png'), 'would not decode')
      const { train, test, skipped } = await loadFolder(folder, 'folder:x', { test: false })
      assert.deepEqual([train.count, test, skipped], [2, undefined, []])
      await assert.rejects(loadFolder(folder, 'folder:x'), DataError)
    }))

  it('holds out a fixed tenth where labels come without a test split', () =>
    inFolder(async folder => {
      await writeGreys(join(folder, 'dark'), 25)
      await writeGreys(join(folder, 'bright'), 25)
      const splits = await loadData(`folder:${folder}`, { seed: 1 })
      assert.deepEqual([splits.train.count, splits.test!.count], [45, 5])
      assert.equal(splits.train.labels!.filter(label => label === 0).length + zeros(splits.test!.labels!), 25)
      const other = await loadData(`folder:${folder}`, { seed: 2, limit: 10 })
      assert.equal(other.train.count, 10)
      assert.deepEqual(other.test!.images, splits.test!.images)
      assert.deepEqual(other.test!.labels, splits.test!.labels)
    }))

  it('reads a flat folder, and a single class, as unlabelled and without a test split', () =>
    inFolder(async folder => {
      await writeGreys(join(folder, 'flat'), 12)
      for (const path of [join(folder, 'flat'), folder]) {
        const { train, test } = await loadData(`folder:${path}`)
        assert.deepEqual(firstBytes(train), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
        assert.equal('labels' in train, false)
        assert.equal('classes' in train, false)
        assert.equal(test, undefined)
      }
    }))

  it('reads a flat train/ beside a labelled test/, and loose files beside classes as unlabelled', () =>
    inFolder(async folder => {
      await writeGreys(join(folder, 'train'), 2)
      await writeColour(join(folder, 'test/a/1.png'), 'red')
      await writeColour(join(folder, 'test/b/1.png'), 'red')
      const flat = await loadData(`folder:${folder}`)
      assert.equal('labels' in flat.train, false)
      assert.deepEqual([...flat.test!.labels!], [0, 1])
      await writeColour(join(folder, 'train/b/1.png'), 'red')
      const mixed = await loadData(`folder:${folder}`)
      assert.deepEqual([...mixed.train.labels!], [-1, -1, 1])
    }))

  it('limits by the seed, decodes only those, and keeps the test split whole', () =>
    inFolder(async folder => {
      await writeGreys(join(folder, 'train'), 60)
      await writeGreys(join(folder, 'test'), 7)
      const load = async (seed: number) => {
        const totals = new Set<number>()
        let calls = 0
        const onProgress = (_done: number, total: number) => {
          calls++
          totals.add(total)
        }
        const splits = await loadData(`folder:${folder}`, { limit: 20, seed, onProgress })
        assert.deepEqual([...totals], [27])
        assert.equal(calls, 27)
        return splits
      }
      const [first, same, other] = [await load(3), await load(3), await load(4)]
      assert.deepEqual([first.train.count, first.test!.count], [20, 7])
      assert.deepEqual(
        firstBytes(first.train),
        firstBytes(first.train).sort((a, b) => a - b),
      )
      assert.deepEqual(first.train.images, same.train.images)
      assert.notDeepEqual(first.train.images, other.train.images)
      assert.deepEqual(first.test!.images, other.test!.images)
    }))

  it('gives the same bytes however many decodes are in flight', () =>
    inFolder(async folder => {
      await writeGreys(folder, 30)
      const one = await loadData(`folder:${folder}`, { size: 5, decodeThreads: 1 })
      const many = await loadData(`folder:${folder}`, { size: 5, decodeThreads: 8 })
      assert.deepEqual(one.train.images, many.train.images)
    }))

  it('skips a file that does not decode, by name, and keeps the others in place', () =>
    inFolder(async folder => {
      await writeGreys(join(folder, 'train/a'), 60)
      await writeGreys(join(folder, 'train/b'), 60)
      await writeGreys(join(folder, 'test/a'), 1)
      writeFileSync(join(folder, 'train/a/010.png'), 'not a picture')
      const { train, skipped } = await loadData(`folder:${folder}`)
      assert.equal(train.count, 119)
      assert.equal(train.images.length, 119 * 192)
      assert.deepEqual(firstBytes(train).slice(8, 13), [8, 9, 11, 12, 13])
      assert.equal(zeros(train.labels!), 59)
      assert.equal(firstBytes(train)[118], 59)
      assert.deepEqual(
        skipped.map(({ file }) => file),
        ['train/a/010.png'],
      )
      assert.match(skipped[0]!.reason, /unsupported image format/)
    }))

  it('stops when more than 1 % do not decode', () =>
    inFolder(async folder => {
      await writeGreys(folder, 100)
      writeFileSync(join(folder, '010.png'), '')
      assert.equal((await loadData(`folder:${folder}`)).train.count, 99)
      symlinkSync('nowhere', join(folder, 'zzz.png'))
      await assert.rejects(loadData(`folder:${folder}`), (error: Error) => {
        assert.ok(error instanceof DataError)
        assert.match(error.message, /^2 of 101 images in .* do not decode, more than 1 %: 010\.png \(.*zzz\.png \(/)
        return true
      })
    }))

  it('refuses a folder without images, and options out of range', () =>
    inFolder(async folder => {
      mkdirSync(join(folder, 'train'))
      writeFileSync(join(folder, 'train/readme.md'), 'nothing here')
      await assert.rejects(loadData(`folder:${folder}`), (error: Error) => {
        assert.ok(error instanceof DataError)
        assert.match(error.message, /train\/? holds no \.jpg, \.jpeg, \.png or \.webp file/)
        return true
      })
      await writeGreys(join(folder, 'train'), 1)
      for (const options of [{ size: 0 }, { size: 2.5 }, { limit: 0 }, { decodeThreads: 0 }]) {
        await assert.rejects(loadData(`folder:${folder}`, options), ConfigError)
      }
    }))

  it('follows links to folders, but not in circles', () =>
    inFolder(async folder => {
      await writeGreys(join(folder, 'elsewhere/a'), 2)
      cpSync(join(folder, 'elsewhere/a'), join(folder, 'elsewhere/b'), { recursive: true })
      symlinkSync(join(folder, 'elsewhere'), join(folder, 'train'))
      symlinkSync(folder, join(folder, 'elsewhere/a/back'))
      const { train, test } = await loadData(`folder:${folder}`)
      assert.equal(train.count + test!.count, 4)
    }))

  it('chooses the size of small images, and at most 64', () =>
    inFolder(async folder => {
      const sideOf = async () => (await loadData(`folder:${folder}`)).train.height
      await writeColour(join(folder, 'c.png'), 'red', 300, 200)
      assert.equal(await sideOf(), 64)
      await writeColour(join(folder, 'b.png'), 'red', 40, 30)
      assert.equal(await sideOf(), 30)
      assert.equal((await loadData(`folder:${folder}`, { size: 48 })).train.width, 48)
    }))
})

function zeros(labels: Int32Array): number {
  return labels.filter(label => label === 0).length
}
