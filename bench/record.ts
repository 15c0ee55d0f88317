/** What a benchmark leaves behind: one JSON object. `schema` reads an old one, `--compare` wants one. */
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { DataError } from '../src/device/errors.js'

const measurement = {
  median_ms: z.number().positive(),
  /** Half the distance between the quartiles as a share of the median; null after a single sample. */
  spread: z.number().min(0).nullable(),
}

const peerResult = z.union([
  z.object({
    ...measurement,
    /** The peer's median over ours: above 1 we are the faster. */
    ratio: z.number().positive(),
  }),
  z.object({ error: z.string() }),
])

const caseResult = z.object({
  op: z.string(),
  shape: z.string(),
  dtype: z.string(),
  device: z.string(),
  ...measurement,
  /** What the device itself took by its clock: the sum over a run's launches. Null without timestamp queries. */
  gpu_ms: z.number().nullable().default(null),
  /** For how long the host worked in a run, before it waited. */
  host_ms: z.number().nullable().default(null),
  gflops: z.number().nullable(),
  gb_s: z.number().nullable(),
  /** The least time that the measured roofline allows over the median. */
  roofline_share: z.number().nullable(),
  /** Of a loss: its rate over that of the product in the same record whose inner length is the same. */
  matmul_share: z.number().nullable().default(null),
  /** GPU objects made a run, on WebGPU. */
  objects: z.number().nullable(),
  /** Source images, of the suite `train`. */
  images_per_s: z.number().nullable(),
  peers: z.record(z.string(), peerResult),
})

export const schema = z.object({
  selfsame: z.string(),
  date: z.iso.datetime(),
  host: z.object({
    cpu: z.string(),
    threads: z.number(),
    memory_gib: z.number(),
    os: z.string(),
    node: z.string(),
  }),
  device: z.enum(['webgpu', 'cpu']),
  adapter: z.string(),
  software: z.boolean(),
  driver: z.string(),
  toggles: z.array(z.string()),
  limits: z.record(z.string(), z.number()),
  /** What the device chose among plans with the same results, by shape. */
  plans: z.record(z.string(), z.string()).default({}),
  /** Kernels that were compiled, and the time in which at least one was. */
  compilation: z.object({ pipelines: z.number(), ms: z.number() }).nullable().default(null),
  roofline: z.object({ copy_gb_s: z.number(), fma_gflops: z.number() }),
  /** Each peer's version, or why it is not there. */
  peers: z.record(z.string(), z.union([z.object({ version: z.string() }), z.object({ error: z.string() })])),
  cases: z.array(caseResult),
  /** What this device cannot run, and what it said. */
  left_out: z.array(z.object({ case: z.string(), reason: z.string() })).default([]),
})

export type BenchmarkRecord = z.infer<typeof schema>
export type CaseResult = z.infer<typeof caseResult>
export type PeerResult = z.infer<typeof peerResult>

/** @throws DataError when there is no such file, or something else is in it */
export function readRecord(path: string): BenchmarkRecord {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new DataError(`--compare: ${path} cannot be read (${(error as NodeJS.ErrnoException).code})`, {
      cause: error,
    })
  }
  const parsed = schema.safeParse(parseJson(text))
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const where = issue!.path.length > 0 ? ` at ${issue!.path.join('.')}` : ''
  throw new DataError(`--compare: ${path} is no record of \`selfsame bench --json FILE\`${where}: ${issue!.message}`)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
