/** From what the user wrote after `--data` to bytes in memory. */
import { statSync } from 'node:fs'
import { homedir } from 'node:os'
import { ConfigError } from '../device/errors.js'
import { loadCifar10, loadCifar100, loadCifar100Coarse } from './cifar.js'
import { limitIndices, type Splits, subset } from './dataset.js'
import { type FolderOptions, loadFolder } from './folder.js'
import { loadMnist } from './mnist.js'
import { loadStl10 } from './stl10.js'

/** `size`, `channels`, `test` and `decodeThreads` are for folders; the other data sets have sizes of their own. */
export type LoadOptions = FolderOptions

/** What `--data` takes, for help texts and errors. */
export const DATA_SPECIFICATIONS = [
  'mnist',
  'cifar10:PATH',
  'cifar100:PATH',
  'cifar100-coarse:PATH',
  'stl10:PATH',
  'folder:PATH',
] as const

const CIFAR = { cifar10: loadCifar10, cifar100: loadCifar100, 'cifar100-coarse': loadCifar100Coarse }

/**
 * Loads a data set. `spec` is one of `DATA_SPECIFICATIONS`; a PATH may begin with `~/`. With `limit` only so many
 * images of the train split are taken, chosen by `seed`; the test split is always whole and never depends on the seed.
 * @throws ConfigError when there is no such data set or path, or an option is out of range.
 * @throws DataError when the files are not what they should be.
 */
export async function loadData(spec: string, options: LoadOptions = {}): Promise<Splits> {
  const { name, path } = readSpecification(spec)
  switch (name) {
    case 'mnist':
      return limited(await loadMnist(spec, options.onProgress), options)
    case 'stl10':
      return loadStl10(path, spec, options)
    case 'folder':
      return loadFolder(path, spec, options)
    default:
      return limited(await CIFAR[name](path, spec, options.onProgress), options)
  }
}

/**
 * Name and path of a data set; the path is empty for the embedded one. Reads nothing.
 * @throws ConfigError when there is no such data set, or no folder at the path
 */
export function readSpecification(spec: string): { name: DataName; path: string } {
  const [name = '', typed] = spec.split(/:(.*)/s)
  if (!isDataName(name)) {
    throw new ConfigError(`there is no data set '${spec}'; there are ${DATA_SPECIFICATIONS.join(', ')}`)
  }
  if (name === 'mnist') {
    if (typed !== undefined) throw new ConfigError(`data set mnist is built in and takes no path, got '${spec}'`)
    return { name, path: '' }
  }
  const path = (typed ?? '').replace(/^~(?=\/|$)/, homedir())
  requireFolder(name, path)
  return { name, path }
}

type DataName = 'mnist' | 'stl10' | 'folder' | keyof typeof CIFAR

function isDataName(name: string): name is DataName {
  return DATA_SPECIFICATIONS.some(known => known.split(':')[0] === name)
}

function limited(splits: Splits, { limit, seed = 0 }: LoadOptions): Splits {
  if (limit === undefined) return splits
  return { ...splits, train: subset(splits.train, limitIndices(splits.train.count, limit, seed)) }
}

function requireFolder(name: string, path: string): void {
  if (path === '') throw new ConfigError(`data set ${name} wants a path: ${name}:PATH`)
  const stats = statSync(path, { throwIfNoEntry: false })
  if (!stats) throw new ConfigError(`data set ${name}: the path ${path} does not exist`)
  if (!stats.isDirectory()) throw new ConfigError(`data set ${name}: ${path} is not a folder`)
}
