import assert from 'node:assert/strict'
import { DeviceError } from '../../../src/device/errors.js'
import { preprocess } from '../../../src/device/webgpu/preprocess.js'

const run = (source: string, parameters: Record<string, number | string> = {}) => preprocess('k', source, parameters)
const fails = (source: string, message: RegExp, parameters: Record<string, number | string> = {}) =>
  assert.throws(
    () => run(source, parameters),
    (error: Error) => error instanceof DeviceError && message.test(error.message),
  )

describe('preprocess: the syntax of kernel files', () => {
  it('leaves text without directives as it is', () => {
    const text = 'fn main() {\n  let a = 1u; // #if in a comment { }\n}\n'
    assert.equal(run(text), text)
  })

  it('fills in parameters, words and numbers', () => {
    assert.equal(run('{{TYPE}}({{ N }}) {{TYPE}}', { TYPE: 'f32', N: 3 }), 'f32(3) f32')
    assert.equal(run('{{N}}', { N: -2 }), '-2')
    assert.equal(run('[{{EMPTY}}]', { EMPTY: '' }), '[]')
  })

  it('calculates with integers, products first, cut towards the lower whole number', () => {
    const values: [string, number][] = [
      ['N + 2 * M', 13],
      ['(N + 2) * M', 25],
      ['N - 1 - 1', 1],
      ['M / 2', 2],
      ['M / 2 * 2', 4],
      ['-(N - M) * 4', 8],
      ['1 - N', -2],
    ]
    for (const [expression, value] of values)
      assert.equal(run(`{{${expression}}}`, { N: 3, M: 5 }), String(value), expression)
  })

  it('keeps or drops the lines of #if', () => {
    const text = '#if A\na\n#else\nb\n#endif\nc'
    assert.equal(run(text, { A: 1 }), 'a\nc')
    assert.equal(run(text, { A: 'x' }), 'a\nc')
    assert.equal(run(text, { A: 0 }), 'b\nc')
    assert.equal(run(text, { A: '' }), 'b\nc')
    assert.equal(run('#if A\na\n#endif', { A: 0 }), '')
  })

  it('compares with ==', () => {
    const text = '#if P == border\nb\n#endif\n#if P == zeros\nz\n#endif\n#if N == 2\ntwo\n#endif'
    assert.equal(run(text, { P: 'zeros', N: 2 }), 'z\ntwo')
  })

  it('repeats the lines of #for, also no times', () => {
    assert.equal(run('#for I 0 {{N}}\nx{{I}} y{{I + 1}}\n#endfor\nend', { N: 2 }), 'x0 y1\nx1 y2\nend')
    assert.equal(run('#for I 1 {{N}}\nx\n#endfor\nend', { N: 1 }), 'end')
  })

  it('nests loops and conditionals', () => {
    const text = '#for I 0 2\n#for J 0 {{I + 1}}\n#if J\na{{I}}{{J}}\n#else\nb{{I}}{{J}}\n#endif\n#endfor\n#endfor'
    assert.equal(run(text), 'b00\nb10\na11')
    const branches = '#if A\n#if B\nab\n#else\na\n#endif\n#else\n#if B\nb\n#else\nnone\n#endif\n#endif'
    assert.deepEqual(
      [3, 2, 1, 0].map(bits => run(branches, { A: bits & 2, B: bits & 1 })),
      ['ab', 'a', 'b', 'none'],
    )
  })

  it('does not look at what a false branch needs', () => {
    assert.equal(run('#if A\n{{MISSING}}\n#if ALSO\n#endif\n#for I 0 {{NO}}\n#endfor\n#endif\nrest', { A: 0 }), 'rest')
  })

  it('says which parameter is missing, and where', () => {
    fails('a\n{{N}}', /kernel k, line 2: parameter N was not given/)
    fails('{{N + 1}}', /parameter N was not given/)
    fails('#if N\n#endif', /line 1: parameter N was not given/)
    fails('#for I 0 {{N}}\n#endfor', /parameter N was not given/)
  })

  it('refuses arithmetic it does not know', () => {
    for (const expression of ['N % 2', 'N 2', '(N', 'N)', 'N +', 'N / 0', '1.5 * N']) {
      fails(`{{${expression}}}`, /cannot evaluate/, { N: 3 })
    }
  })

  it('refuses blocks without an end or a beginning', () => {
    fails('x\n#if A\na', /line 2: #if A wants an #endif/, { A: 1 })
    fails('#for I 0 1\na', /#for I 0 1 wants an #endfor/)
    fails('#if A\n#endfor', /wants an #endif/, { A: 1 })
    fails('#if A\n#else\n#else\n#endif', /wants an #endif/, { A: 1 })
    fails('a\n#endif', /line 2: #endif has no beginning/)
    fails('#else', /has no beginning/)
    fails('#for I 0 N\n#endfor', /wants a name and two numbers/, { N: 2 })
  })
})
