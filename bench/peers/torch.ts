/** PyTorch, in a process of its own that waits on its input between batches. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Case } from '../case.js'
import type { Runner, Side } from '../side.js'

type Answer = Readonly<Record<string, unknown>>

export interface TorchOptions {
  /** On the GPU rather than the processor. */
  readonly cuda: boolean
  /** In half precision, as PyTorch chooses it. */
  readonly autocast: boolean
}

/** @throws when there is no python3 with torch, or it sees no GPU */
export async function torch({ cuda, autocast }: TorchOptions): Promise<Runner> {
  // As many as we have.
  const threads = Number(process.env.SELFSAME_THREADS) || availableParallelism()
  const child = new Python([String(threads), ...(cuda ? ['cuda'] : []), ...(autocast ? ['autocast'] : [])])
  const { version } = await child.answer()
  return {
    name: autocast ? 'torch-autocast' : 'torch',
    version: String(version),
    takes: ({ spec }) => !autocast || spec.precision !== undefined,
    async prepare({ spec }: Case): Promise<Side> {
      await child.ask({ prepare: spec })
      return {
        async batch(count) {
          await child.ask({ run: count })
          // It blocks in its own process, and sleeps past nothing.
          return false
        },
        dispose() {},
      }
    },
    close: () => child.end(),
  }
}

/** The script is no TypeScript: it lies beside the sources, also where we run from `dist`. */
function scriptPath(): string {
  const candidates = ['./torch_ops.py', '../../../bench/peers/torch_ops.py']
  return candidates.map(path => fileURLToPath(new URL(path, import.meta.url))).find(existsSync) ?? candidates[1]!
}

class Python {
  private readonly process: ChildProcess
  private readonly lines: AsyncIterator<string>
  private complaints = ''

  constructor(words: readonly string[]) {
    // A debian python3 comes first: a newer one in PATH often has no torch.
    const python = process.env.SELFSAME_PYTHON ?? (existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3')
    // The wait policy is the one our own OpenMP has.
    const env = { OMP_WAIT_POLICY: 'passive', ...process.env }
    this.process = spawn(python, [scriptPath(), ...words], { env })
    this.process.on('error', error => {
      this.complaints = error.message
    })
    this.process.stderr!.on('data', text => {
      this.complaints = String(text)
    })
    this.lines = createInterface({ input: this.process.stdout! })[Symbol.asyncIterator]()
  }

  async answer(): Promise<Answer> {
    const { value, done } = await this.lines.next()
    if (done) throw new Error(this.complaints.trim().split('\n').at(-1) || 'python3 ended')
    const answer = JSON.parse(value) as Answer
    if (answer.error !== undefined) throw new Error(String(answer.error))
    return answer
  }

  ask(request: object): Promise<Answer> {
    this.process.stdin!.write(`${JSON.stringify(request)}\n`)
    return this.answer()
  }

  async end(): Promise<void> {
    if (this.process.exitCode !== null) return
    const exit = once(this.process, 'exit')
    this.process.stdin!.end()
    await exit
  }
}
