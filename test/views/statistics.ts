import assert from 'node:assert/strict'

/** That something of a probability came about `hits` times out of `of`, give or take five deviations. */
export function assertFrequency(hits: number, of: number, probability: number, what: string): void {
  const sigma = Math.sqrt((probability * (1 - probability)) / of)
  assert.ok(Math.abs(hits / of - probability) <= 5 * sigma, `${what}: ${hits} of ${of}, wants ${probability}`)
}

/** Uniform on [low, high]: inside, with its mean and its variance. */
export function assertUniform(values: readonly number[], low: number, high: number, what: string): void {
  const span = high - low
  for (const value of values) assert.ok(value >= low - 1e-6 * span && value <= high + 1e-6 * span, `${what}: ${value}`)
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
  const sigma = span / Math.sqrt(12 * values.length)
  assert.ok(Math.abs(mean - (low + high) / 2) < 5 * sigma, `${what}: mean ${mean}`)
  assert.ok(Math.abs(variance / (span ** 2 / 12) - 1) < 5 / Math.sqrt(values.length), `${what}: variance ${variance}`)
}

/** As above for whole numbers low … high. */
export function assertUniformIntegers(values: readonly number[], low: number, high: number, what: string): void {
  const counts = new Map<number, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  for (const value of counts.keys()) {
    assert.ok(Number.isInteger(value) && value >= low && value <= high, `${what}: ${value}`)
  }
  for (let value = low; value <= high; value++) {
    assertFrequency(counts.get(value) ?? 0, values.length, 1 / (high - low + 1), `${what} ${value}`)
  }
}
