/**
 * Checkpoints: `checkpoint-STEP.safetensors` with every tensor of the training state, and `checkpoint-STEP.json` with
 * the rest and the SHA-256 of the former. Both are written beside, flushed and renamed, tensors first, so that a JSON
 * file that names the right hash is the seal of a whole checkpoint, whenever the process is killed.
 */
import { createHash } from 'node:crypto'
import { open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { bytesOf, decodeSafetensors, encodeSafetensors, type StoredTensor } from './safetensors.js'

export interface Checkpoint {
  /** Optimiser steps done. */
  readonly step: number
  readonly tensors: ReadonlyMap<string, StoredTensor>
  /** Whatever else is needed to go on; plain JSON. */
  readonly json: Readonly<Record<string, unknown>>
}

/** Older ones are removed: the newest, and one more in case that the newest turns out bad. */
const KEPT = 2
const FILE = /^checkpoint-(\d+)\.(safetensors|json)(\.tmp)?$/

const sealSchema = z.object({
  step: z.int().min(0),
  tensors_sha256: z.string(),
  json: z.record(z.string(), z.unknown()),
})

/** Whether `name` is a file that this module makes. */
export function isCheckpointFile(name: string): boolean {
  return FILE.test(name)
}

/** @param directory exists already */
export async function saveCheckpoint(directory: string, { step, tensors, json }: Checkpoint): Promise<void> {
  const bytes = encodeSafetensors(tensors)
  const seal = { step, tensors_sha256: sha256(bytes), json }
  await writeWhole(directory, `checkpoint-${step}.safetensors`, bytes)
  await writeWhole(directory, `checkpoint-${step}.json`, `${JSON.stringify(seal, null, 2)}\n`)
  await removeOld(directory)
}

/**
 * The newest checkpoint that is whole; `undefined` where there is none. What is not whole is passed over.
 * @param warn told of each that is passed over
 */
export async function newestCheckpoint(
  directory: string,
  warn: (message: string) => void = () => {},
): Promise<Checkpoint | undefined> {
  for (const step of await sealedSteps(directory)) {
    const file = join(directory, `checkpoint-${step}.safetensors`)
    try {
      const seal = sealSchema.parse(JSON.parse(await readFile(join(directory, `checkpoint-${step}.json`), 'utf8')))
      const bytes = await readFile(file)
      if (sha256(bytes) !== seal.tensors_sha256) throw new Error('its SHA-256 is not the one in its JSON file')
      return { step: seal.step, tensors: decodeSafetensors(bytes, file).tensors, json: seal.json }
    } catch (error) {
      warn(`checkpoint ${step} in ${directory} is damaged and passed over: ${oneLine(error)}`)
    }
  }
  return undefined
}

/**
 * SHA-256 over names and values: for each name in ascending order of its UTF-16 code units, the name in UTF-8, a zero
 * byte, and the values as little-endian float32.
 */
export function parametersHash(parameters: ReadonlyMap<string, Float32Array>): string {
  const hash = createHash('sha256')
  for (const name of [...parameters.keys()].sort()) {
    hash
      .update(name, 'utf8')
      .update('\0')
      .update(bytesOf(parameters.get(name)!))
  }
  return hash.digest('hex')
}

/** Writes a file such that a crash leaves the old one, or none, or the new one whole. */
export async function writeWhole(directory: string, name: string, content: Uint8Array | string): Promise<void> {
  const path = join(directory, name)
  const file = await open(`${path}.tmp`, 'w')
  try {
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${path}.tmp`, path)
  await syncDirectory(directory)
}

/** A rename is only sure to outlive a power cut once its folder is flushed; Windows has no such thing. */
async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Steps that have a JSON file, newest first. */
async function sealedSteps(directory: string): Promise<number[]> {
  const steps = (await listed(directory)).filter(({ kind }) => kind === 'json').map(({ step }) => step)
  return steps.sort((a, b) => b - a)
}

/** Seals go first, so that none is ever left without its tensors. */
async function removeOld(directory: string): Promise<void> {
  const kept = new Set((await sealedSteps(directory)).slice(0, KEPT))
  const old = (await listed(directory)).filter(({ step, kind }) => kind === 'tmp' || !kept.has(step))
  for (const { name } of old.sort((a, b) => Number(b.kind === 'json') - Number(a.kind === 'json'))) {
    await rm(join(directory, name), { force: true })
  }
}

async function listed(directory: string): Promise<{ name: string; step: number; kind: 'json' | 'tensors' | 'tmp' }[]> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  return names.flatMap(name => {
    const match = FILE.exec(name)
    if (!match) return []
    const kind = match[3] ? 'tmp' : match[2] === 'json' ? 'json' : 'tensors'
    return [{ name, step: Number(match[1]), kind } as const]
  })
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function oneLine(error: unknown): string {
  if (error instanceof z.ZodError) return 'its JSON file lacks step, tensors_sha256 or json'
  return (error as Error).message.split('\n')[0]!
}
