/** The folder of a run: whether it may be used, and what lies in it. */
import { accessSync, constants, existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { ConfigError, DataError } from '../device/errors.js'
import { isCheckpointFile, writeWhole } from './checkpoint.js'
import type { Config } from './config.js'

export const CONFIG_FILE = 'config.json'
export const LOG_FILE = 'log.jsonl'
export const RESULT_FILE = 'result.json'

const FILES = [CONFIG_FILE, LOG_FILE, RESULT_FILE]

/**
 * Writes nothing.
 * @throws ConfigError when a run cannot go there: not a folder, not writable, or not empty without resume or overwrite.
 */
export function checkRunDirectory(out: string, { resume, overwrite }: { resume: boolean; overwrite: boolean }): void {
  if (resume && overwrite) throw new ConfigError('--resume and --overwrite exclude each other')
  const folder = resolve(out)
  let place = folder
  while (!existsSync(place)) place = dirname(place)
  if (!statSync(place).isDirectory()) throw new ConfigError(`--out: ${place} is a file, wanted a folder`)
  try {
    accessSync(place, constants.W_OK)
  } catch {
    throw new ConfigError(`--out: ${place} cannot be written to`)
  }
  if (place !== folder) return
  const names = readdirSync(out)
  if (overwrite) {
    const foreign = names.find(name => !isRunFile(name))
    if (foreign)
      throw new ConfigError(`--overwrite: ${out} holds ${foreign}, which is not of a run; choose another --out`)
  } else if (!resume && names.length > 0) {
    throw new ConfigError(`--out: ${out} is not empty; add --resume or --overwrite, or choose another folder`)
  }
}

/**
 * Makes the folder, empties it when `overwrite` says so, and writes `config.json`. Call it when everything else has
 * been checked, the data set among it.
 */
export async function createRunDirectory(out: string, config: Config, overwrite: boolean): Promise<void> {
  await makeFolder(resolve(out))
  if (overwrite) for (const name of readdirSync(out).filter(isRunFile)) await rm(join(out, name))
  await writeWhole(out, CONFIG_FILE, `${JSON.stringify(config, null, 2)}\n`)
}

/** One level at a time: Node's recursive `mkdir` never returns below a folder like /proc, which takes no folders. */
async function makeFolder(path: string): Promise<void> {
  if (existsSync(path)) return
  await makeFolder(dirname(path))
  try {
    await mkdir(path)
  } catch (error) {
    throw new ConfigError(`--out: ${path} cannot be made: ${(error as Error).message}`, { cause: error })
  }
}

/**
 * What a run was started with, unchecked; `undefined` for a folder in which none has got that far.
 * @throws DataError when the file is not JSON.
 */
export function readRunConfig(out: string): unknown {
  const path = join(out, CONFIG_FILE)
  if (!existsSync(path)) return undefined
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new DataError(`${path} is not JSON: ${(error as Error).message}`)
  }
}

function isRunFile(name: string): boolean {
  return FILES.includes(name.replace(/\.tmp$/, '')) || isCheckpointFile(name)
}
