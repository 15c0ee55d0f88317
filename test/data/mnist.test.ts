import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { datasetStatistics } from '../../src/data/dataset.js'
import { loadData } from '../../src/data/loadData.js'
import { ConfigError } from '../../src/device/errors.js'

const sha256 = (bytes: Uint8Array | Int32Array): string => createHash('sha256').update(bytes).digest('hex').slice(0, 16)

describe('data/mnist', () => {
  it('has 9,000 and 1,000 digits, the same in the same order whatever the seed', async () => {
    const progress: number[] = []
    const { train, test, skipped } = await loadData('mnist', { seed: 5, onProgress: done => progress.push(done) })
    assert.deepEqual([train.count, train.height, train.width, train.channels], [9000, 28, 28, 1])
    assert.deepEqual([test!.count, test!.height, test!.width, test!.channels], [1000, 28, 28, 1])
    assert.deepEqual([train.images.length, test!.images.length], [9000 * 784, 1000 * 784])
    assert.deepEqual(skipped, [])
    assert.equal(progress.at(-1), 10_000)
    assert.deepEqual([train.images, train.labels!, test!.images, test!.labels!].map(sha256), [
      '19a8432b71acc3a5',
      'a76fb3d9af5ad8fd',
      'a4acf7c3412cdb66',
      'ed3fcaad84595b27',
    ])

    const again = await loadData('mnist', { seed: 6 })
    assert.equal(sha256(again.train.images), sha256(train.images))
  })

  it('holds whole digits: every class about a tenth, brightness as published for MNIST', async () => {
    const { train, test } = await loadData('mnist')
    for (const split of [train, test!]) {
      for (let digit = 0; digit < 10; digit++) {
        const share = split.labels!.filter(label => label === digit).length / split.count
        assert.ok(share > 0.07 && share < 0.13, `digit ${digit} is ${share} of ${split.count}`)
      }
    }
    // How many of each digit the package holds.
    const counts = [1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978]
    const labels = [...train.labels!, ...test!.labels!]
    assert.deepEqual(
      counts.map((_, digit) => labels.filter(label => label === digit).length),
      counts,
    )
    // 0.1307 and 0.3081 are the values of the full training set that PyTorch's examples use.
    const { mean, std } = datasetStatistics(train)
    assert.ok(Math.abs(mean[0]! - 0.1307) < 0.002)
    assert.ok(Math.abs(std[0]! - 0.3081) < 0.002)
  })

  it('shares no digit between train and test', async () => {
    const { train, test } = await loadData('mnist')
    const digest = (images: Uint8Array, index: number): string =>
      sha256(images.subarray(index * 784, (index + 1) * 784))
    const trained = new Set(Array.from({ length: 9000 }, (_, i) => digest(train.images, i)))
    const shared = Array.from({ length: 1000 }, (_, i) => digest(test!.images, i)).filter(name => trained.has(name))
    assert.equal(shared.length, 0)
  })

  it('limits the train split by the seed and leaves the test split whole', async () => {
    const first = await loadData('mnist', { limit: 50, seed: 1 })
    const same = await loadData('mnist', { limit: 50, seed: 1 })
    const other = await loadData('mnist', { limit: 50, seed: 2 })
    assert.deepEqual([first.train.count, first.train.labels!.length, first.test!.count], [50, 50, 1000])
    assert.equal(sha256(first.train.images), sha256(same.train.images))
    assert.notEqual(sha256(first.train.images), sha256(other.train.images))
  })

  it('refuses what is not a data set in one sentence', async () => {
    const refused = (spec: string, message: string) => assert.rejects(loadData(spec), new ConfigError(message))
    const known = 'mnist, cifar10:PATH, cifar100:PATH, cifar100-coarse:PATH, stl10:PATH, folder:PATH'
    await refused('imagenet', `there is no data set 'imagenet'; there are ${known}`)
    await refused('', `there is no data set ''; there are ${known}`)
    await refused('mnist:/data', "data set mnist is built in and takes no path, got 'mnist:/data'")
    await refused('folder', 'data set folder wants a path: folder:PATH')
    await refused('cifar10:', 'data set cifar10 wants a path: cifar10:PATH')
    await refused('folder:/no/such/place', 'data set folder: the path /no/such/place does not exist')
    await refused(`folder:${import.meta.filename}`, `data set folder: ${import.meta.filename} is not a folder`)
  })
})
