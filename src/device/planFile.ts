/** What a tuner found, in a file of the user's cache folder: one for each adapter, driver and set of kernels. */
import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import type { DeviceInfo } from './device.js'
import { ConfigError } from './errors.js'
import type { PlanCache } from './webgpu/tuner.js'

/** A file that cannot be read or written costs the time of tuning again, and nothing else: it is passed over. */
export function planFile({ name, driver }: DeviceInfo, kernels: string, folder = cacheFolder()): PlanCache {
  const id = createHash('sha256').update([name, driver, kernels].join('\n')).digest('hex').slice(0, 16)
  const path = join(folder, `plans-${id}.json`)
  const read = async (): Promise<Record<string, string>> => {
    try {
      const { plans } = JSON.parse(await readFile(path, 'utf8')) as { plans: Record<string, unknown> }
      return Object.fromEntries(
        Object.entries(plans).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
      )
    } catch {
      return {}
    }
  }
  return {
    read,
    async write(plans) {
      // Another process may have found others meanwhile.
      const all = { ...(await read()), ...plans }
      const draft = `${path}.${process.pid}`
      try {
        await mkdir(dirname(path), { recursive: true })
        await writeFile(draft, `${JSON.stringify({ adapter: name, driver, plans: all }, null, 2)}\n`)
        await rename(draft, path)
      } catch {
        return
      }
    },
  }
}

/** `selfsame` in XDG_CACHE_HOME, or where the platform keeps what can be made again. */
export function cacheFolder(platform = process.platform, environment: NodeJS.ProcessEnv = process.env): string {
  const { XDG_CACHE_HOME, LOCALAPPDATA } = environment
  if (XDG_CACHE_HOME) return join(XDG_CACHE_HOME, 'selfsame')
  if (platform === 'win32') return join(LOCALAPPDATA || join(homedir(), 'AppData', 'Local'), 'selfsame', 'Cache')
  if (platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'selfsame')
  return join(homedir(), '.cache', 'selfsame')
}

/** SELFSAME_TUNE; nothing where it says nothing. @throws ConfigError where it says something else than 0 or 1 */
export function wantsTuning(text = process.env.SELFSAME_TUNE): boolean | undefined {
  if (text === undefined || text === '') return undefined
  if (text === '0' || text === '1') return text === '1'
  throw new ConfigError(`SELFSAME_TUNE: wants 0 or 1, got ${text}`)
}
