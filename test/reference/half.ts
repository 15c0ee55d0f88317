/** The nearest float16 of a number, ties to even: 11 significant bits, at least 2^-24 apart, nothing above 65,504. */
export function half(x: number): number {
  if (x === 0 || !Number.isFinite(x)) return x
  const spacing = 2 ** (Math.max(Math.floor(Math.log2(Math.abs(x))), -14) - 10)
  const units = x / spacing
  const below = Math.floor(units)
  const up = units - below > 0.5 || (units - below === 0.5 && below % 2 !== 0)
  const rounded = (below + Number(up)) * spacing
  return Math.abs(rounded) > 65_504 ? Math.sign(x) * Number.POSITIVE_INFINITY : rounded
}
