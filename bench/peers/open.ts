/** The peers by name. Each is loaded when it is asked for, and only then. */
import { ConfigError } from '../../src/device/errors.js'
import type { Runner } from '../side.js'
import { actAsBrowser } from './browser.js'

const OPENERS: Readonly<Record<string, () => Promise<Runner>>> = {
  'tfjs-webgpu': async () => (await import('./tfjs.js')).tfjs('webgpu'),
  'tfjs-wasm': async () => (await import('./tfjs.js')).tfjs('wasm'),
  'jax-js': async () => (await import('./jaxjs.js')).jaxjs(),
  torch: async () => (await import('./torch.js')).torch(),
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

/** @param software whether peers on WebGPU are led to the software adapter */
export async function openPeers(names: readonly string[], software: boolean): Promise<OpenPeers> {
  const restore = names.length > 0 ? actAsBrowser(software) : () => {}
  const runners: Runner[] = []
  const absent: Record<string, string> = {}
  for (const name of names) {
    try {
      runners.push(await OPENERS[name]!())
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
