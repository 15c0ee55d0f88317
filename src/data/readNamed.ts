import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DataError } from '../device/errors.js'

/**
 * A file of a data set that comes as an archive.
 * @param wanted what the user ought to have given
 * @throws DataError that says so
 */
export async function readNamed(folder: string, file: string, wanted: string): Promise<Buffer> {
  try {
    return await readFile(join(folder, file))
  } catch (cause) {
    throw unreadable(folder, file, wanted, cause)
  }
}

export function unreadable(folder: string, file: string, wanted: string, cause: unknown): DataError {
  const { code } = cause as NodeJS.ErrnoException
  return new DataError(`${join(folder, file)} cannot be read (${code}); wanted ${wanted}`, { cause })
}
