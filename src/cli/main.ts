/** The program `selfsame`: its commands, and what its exit codes mean. */
import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { ConfigError, DataError } from '../device/errors.js'
import { InterruptedError } from '../train/result.js'
import { benchCommand } from './bench.js'
import { buildCPUCommand } from './buildCpu.js'
import { collapseCommand } from './collapse.js'
import { compareCommand } from './compare.js'
import { devicesCommand } from './devices.js'
import { evalCommand } from './eval.js'
import { methodsCommand } from './methods.js'
import { profileCommand } from './profile.js'
import { recipesCommand } from './recipes.js'
import { sweepCommand } from './sweep.js'
import { trainCommand } from './train.js'
import { viewsCommand } from './views.js'

/** 2: something that was asked for is wrong, and nothing was written. 130: stopped by a signal, as shells have it. */
const EXIT = { failed: 1, usage: 2, interrupted: 130 } as const

const { version, description } = JSON.parse(
  readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
) as {
  version: string
  description: string
}

const program = new Command('selfsame')
  .description(description)
  .version(version)
  .addHelpText('after', '\nExit codes: 0 done, 1 failed, 2 wrong option, data set or path, 130 stopped by a signal.')
  // Throw instead of ending the process, so that exit codes are decided below; subcommands inherit both settings.
  .exitOverride()
  .configureOutput({ outputError: (message, write) => write(message.replace(/^error: /, 'selfsame: ')) })
const commands = [
  trainCommand,
  evalCommand,
  compareCommand,
  sweepCommand,
  collapseCommand,
  methodsCommand,
  recipesCommand,
  viewsCommand,
  benchCommand,
  profileCommand,
  devicesCommand,
  buildCPUCommand,
]
for (const command of commands) {
  program.addCommand(command.copyInheritedSettings(program))
  for (const below of command.commands) below.copyInheritedSettings(program)
}

// `selfsame methods | head` closes its end early: nothing is wrong with that.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit()
})
try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = report(error)
}

/** Says on stderr what went wrong. Commander has spoken already where the error is its own. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT.usage
  const failure = error instanceof Error ? error : new Error(String(error))
  console.error(`selfsame: ${failure.message}`)
  if (process.env.SELFSAME_DEBUG) console.error(failure.stack)
  if (failure instanceof ConfigError || failure instanceof DataError) return EXIT.usage
  return failure instanceof InterruptedError ? EXIT.interrupted : EXIT.failed
}
