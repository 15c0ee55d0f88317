/** The peers by name. Each is loaded when it is asked for, and only then. */
import { ConfigError } from '../../src/device/errors.js'
import type { Runner } from '../side.js'
import { actAsBrowser } from './browser.js'

interface Peers {
  /** Whether ours is a GPU: then peers on WebGPU and PyTorch take it too. */
  readonly hardware: boolean
  /** Whether some case is in half precision: only then does PyTorch's autocast come along. */
  readonly halves: boolean
}

const OPENERS: Readonly<Record<string, (peers: Peers) => Promise<Runner>>> = {
  'tfjs-webgpu': async () => (await import('./tfjs.js')).tfjs('webgpu'),
  'tfjs-wasm': async () => (await import('./tfjs.js')).tfjs('wasm'),
  'jax-js': async () => (await import('./jaxjs.js')).jaxjs(),
  torch: async ({ hardware }) => (await import('./torch.js')).torch({ cuda: hardware, autocast: false }),
  'torch-autocast': async ({ hardware }) => (await import('./torch.js')).torch({ cuda: hardware, autocast: true }),
}

export const PEERS: readonly string[] = Object.keys(OPENERS)

/**
 * @param list `none`, `all`, or names with commas
 * @throws ConfigError for a name that is no peer's
 */
export function peerNames(list: string): string[] {
  if (list === 'none') return []
  if (list === 'all') return [...PEERS]
  const names = list.split(',').map(name => name.trim())
  const unknown = names.find(name => !PEERS.includes(name))
  if (unknown !== undefined) {
    throw new ConfigError(`--peers: wants all, none, or some of ${PEERS.join(', ')}, got '${unknown}'`)
  }
  return [...new Set(names)]
}

export interface OpenPeers {
  readonly runners: readonly Runner[]
  /** Why a peer is not there, by name. */
  readonly absent: Readonly<Record<string, string>>
  close(): Promise<void>
}

export async function openPeers(names: readonly string[], peers: Peers): Promise<OpenPeers> {
  const restore = names.length > 0 ? actAsBrowser(!peers.hardware) : () => {}
  const runners: Runner[] = []
  const absent: Record<string, string> = {}
  for (const name of names) {
    if (name === 'torch-autocast' && !peers.halves) continue
    try {
      runners.push(await OPENERS[name]!(peers))
    } catch (error) {
      absent[name] = firstLine(error)
    }
  }
  return {
    runners,
    absent,
    async close() {
      // What a peer broke in one case it may be unable to close; its memory goes with the process.
      await Promise.allSettled(runners.map(runner => runner.close()))
      restore()
    },
  }
}

export function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0]!
}
