import { DeviceError } from '../errors.js'

/**
 * Fills in the textual parameters of a kernel file. WGSL's `override` cannot size private arrays or pick code, so
 * kernels are text with a very small syntax:
 *
 *   {{NAME}}                      the parameter's value; {{NAME + 1}} integer arithmetic (+ - * / and parentheses)
 *   #if NAME / #else / #endif     keeps the lines when the parameter is neither 0 nor ''; #if NAME == value compares
 *   #for I 0 {{N}} / #endfor      repeats the lines for I = 0 … N−1, as parameter {{I}}
 *
 * @throws DeviceError for a parameter that was not given or a block that does not end.
 */
export function preprocess(
  name: string,
  source: string,
  parameters: Readonly<Record<string, number | string>>,
): string {
  const lines = source.split('\n')
  const out: string[] = []
  const end = block(name, lines, 0, parameters, out)
  if (end !== lines.length) throw new DeviceError(`kernel ${name}, line ${end + 1}: ${lines[end]} has no beginning`)
  return out.join('\n')
}

type Parameters = Readonly<Record<string, number | string>>

/** Copies lines from `start` up to the directive that ends this block, and returns that directive's line. */
function block(name: string, lines: string[], start: number, parameters: Parameters, out: string[] | null): number {
  let at = start
  while (at < lines.length) {
    const line = lines[at]!
    const directive = /^\s*#(if|else|endif|for|endfor)\b\s*(.*)$/.exec(line)
    if (!directive) {
      out?.push(substitute(name, at, line, parameters))
      at++
      continue
    }
    const [, kind, rest] = directive
    if (kind === 'if') at = conditional(name, lines, at, rest!, parameters, out)
    else if (kind === 'for') at = loop(name, lines, at, rest!, parameters, out)
    else return at
  }
  return at
}

function conditional(
  name: string,
  lines: string[],
  at: number,
  test: string,
  parameters: Parameters,
  out: string[] | null,
) {
  const keep = out !== null && holds(name, at, test, parameters)
  let next = block(name, lines, at + 1, parameters, keep ? out : null)
  if (lines[next]?.trim() === '#else') next = block(name, lines, next + 1, parameters, out && !keep ? out : null)
  return expect(name, lines, next, at, '#endif')
}

function loop(name: string, lines: string[], at: number, head: string, parameters: Parameters, out: string[] | null) {
  if (out === null) return expect(name, lines, block(name, lines, at + 1, parameters, null), at, '#endfor')
  const [, variable, from, to] = /^(\w+)\s+(-?\d+)\s+(-?\d+)$/.exec(substitute(name, at, head, parameters).trim()) ?? []
  if (!variable) throw new DeviceError(`kernel ${name}, line ${at + 1}: #for wants a name and two numbers, got ${head}`)
  let next = block(name, lines, at + 1, parameters, null)
  for (let i = Number(from); i < Number(to); i++) {
    next = block(name, lines, at + 1, { ...parameters, [variable]: i }, out)
  }
  return expect(name, lines, next, at, '#endfor')
}

function expect(name: string, lines: string[], next: number, opened: number, directive: string): number {
  if (lines[next]?.trim() === directive) return next + 1
  throw new DeviceError(`kernel ${name}, line ${opened + 1}: ${lines[opened]!.trim()} wants an ${directive}`)
}

function holds(name: string, at: number, test: string, parameters: Parameters): boolean {
  const [variable, value] = test.split('==').map(part => part.trim())
  const actual = parameters[variable!]
  if (actual === undefined) throw new DeviceError(`kernel ${name}, line ${at + 1}: parameter ${variable} was not given`)
  return value === undefined ? actual !== 0 && actual !== '' : String(actual) === value
}

function substitute(name: string, at: number, line: string, parameters: Parameters): string {
  return line.replace(/\{\{(.+?)\}\}/g, (_, expression: string) => {
    const plain = parameters[expression.trim()]
    if (plain !== undefined) return String(plain)
    const filled = expression.replace(/[A-Za-z_]\w*/g, variable => {
      const value = parameters[variable]
      if (value === undefined)
        throw new DeviceError(`kernel ${name}, line ${at + 1}: parameter ${variable} was not given`)
      return String(value)
    })
    return String(evaluate(name, at, filled))
  })
}

/** Integer arithmetic by recursive descent: sums of products of atoms. */
function evaluate(name: string, at: number, text: string): number {
  const fail = (): never => {
    throw new DeviceError(`kernel ${name}, line ${at + 1}: cannot evaluate {{${text}}}`)
  }
  const tokens = text.match(/\d+|\S/g) ?? []
  let i = 0
  const atom = (): number => {
    const token = tokens[i++]
    if (token === '-') return -atom()
    if (token === '(') {
      const value = sum()
      return tokens[i++] === ')' ? value : fail()
    }
    return token !== undefined && /^\d+$/.test(token) ? Number(token) : fail()
  }
  const product = (): number => {
    let value = atom()
    while (tokens[i] === '*' || tokens[i] === '/') {
      if (tokens[i++] === '*') value *= atom()
      else value = Math.floor(value / atom())
    }
    return value
  }
  const sum = (): number => {
    let value = product()
    while (tokens[i] === '+' || tokens[i] === '-') {
      if (tokens[i++] === '+') value += product()
      else value -= product()
    }
    return value
  }
  const value = sum()
  return i === tokens.length && Number.isFinite(value) ? value : fail()
}
