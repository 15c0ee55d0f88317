/** Which image files a folder holds, and what its subfolders say about them. */
import type { Dirent } from 'node:fs'
import { readdir, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DataError } from '../device/errors.js'

const IMAGE = /\.(jpe?g|png|webp)$/i

export interface ImageFile {
  /** Inside the root, parted by `/`: `train/cat/0001.jpg`. */
  readonly path: string
  /** Index into the classes; −1 where the file lies in no class folder. */
  readonly label: number
}

export interface ImageFolder {
  /** Sorted by path in code units, so that the order is the same on every machine and file system. */
  readonly train: readonly ImageFile[]
  readonly test?: readonly ImageFile[]
  /** Sorted; absent for an unlabelled folder. */
  readonly classes?: readonly string[]
}

/**
 * Understands `train/CLASS/*` with or without `test/CLASS/*` (or `val/`), `CLASS/*`, and all of these without classes.
 * A class folder is searched in depth. A single class says nothing, so its images count as unlabelled.
 * Files that are not `.jpg`, `.jpeg`, `.png` or `.webp` (in any case) and names that begin with a dot are ignored.
 * @throws DataError when there is no image to train on, or a folder cannot be read.
 */
export async function findImageFiles(root: string): Promise<ImageFolder> {
  const folders = new Set((await entriesOf(root)).filter(entry => entry.isFolder).map(entry => entry.name))
  const trainFolder = folders.has('train') ? 'train/' : ''
  const testFolder = trainFolder && ['test', 'val'].find(name => folders.has(name))
  const trainPaths = await imagesIn(root, trainFolder)
  const testPaths = testFolder ? await imagesIn(root, `${testFolder}/`) : []
  if (trainPaths.length === 0) {
    throw new DataError(`${join(root, trainFolder)} holds no .jpg, .jpeg, .png or .webp file, in no subfolder either`)
  }

  const classOf = (path: string, base: string): string | undefined => {
    const parts = path.slice(base.length).split('/')
    return parts.length > 1 ? parts[0] : undefined
  }
  const named = new Set([
    ...trainPaths.map(path => classOf(path, trainFolder)),
    ...testPaths.map(path => classOf(path, `${testFolder}/`)),
  ])
  const found = [...named].filter(name => name !== undefined).sort()
  const classes = found.length > 1 ? found : []
  const label = (path: string, base: string): ImageFile => ({ path, label: classes.indexOf(classOf(path, base) ?? '') })
  return {
    train: trainPaths.map(path => label(path, trainFolder)),
    ...(testPaths.length > 0 && { test: testPaths.map(path => label(path, `${testFolder}/`)) }),
    ...(classes.length > 0 && { classes }),
  }
}

/** All image files below `root/prefix`, as sorted paths inside `root`. */
async function imagesIn(root: string, prefix: string): Promise<string[]> {
  const paths: string[] = []
  const search = async (folder: string, above: readonly string[]): Promise<void> => {
    const real = await realpath(join(root, folder))
    // A link to a folder above would never end.
    if (above.includes(real)) return
    for (const { name, isFolder } of await entriesOf(join(root, folder))) {
      if (isFolder) await search(`${folder}${name}/`, [...above, real])
      else if (IMAGE.test(name)) paths.push(`${folder}${name}`)
    }
  }
  await search(prefix, [])
  return paths.sort()
}

async function entriesOf(folder: string): Promise<{ name: string; isFolder: boolean }[]> {
  let entries: Dirent[]
  try {
    entries = await readdir(folder, { withFileTypes: true })
  } catch (cause) {
    throw new DataError(`${folder} cannot be read (${(cause as NodeJS.ErrnoException).code})`, { cause })
  }
  return Promise.all(
    entries
      .filter(entry => !entry.name.startsWith('.'))
      .map(async entry => {
        // A link that leads nowhere stays in the list as a file, so that it is reported as one that does not decode.
        const target = entry.isSymbolicLink() ? await stat(join(folder, entry.name)).catch(() => entry) : entry
        return { name: entry.name, isFolder: target.isDirectory() }
      }),
  )
}
