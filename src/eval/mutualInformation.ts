/**
 * 2·I(a; b) / (H(a) + H(b)) of two ways to part the same rows: 1 where they are the same parts under other names, 0
 * where they have nothing to do with each other. Two that do not part at all count as the same.
 */
export function normalisedMutualInformation(a: Int32Array, b: Int32Array): number {
  const entropy = (partOf: (row: number) => string | number) => {
    const sizes = new Map<string | number, number>()
    for (let row = 0; row < a.length; row++) sizes.set(partOf(row), (sizes.get(partOf(row)) ?? 0) + 1)
    return [...sizes.values()].reduce((sum, size) => sum - (size / a.length) * Math.log(size / a.length), 0)
  }
  const [ha, hb, hab] = [entropy(row => a[row]!), entropy(row => b[row]!), entropy(row => `${a[row]} ${b[row]}`)]
  // I = H(a) + H(b) − H(a, b); rounding may leave it a hair below 0.
  return ha + hb === 0 ? 1 : Math.max(0, (2 * (ha + hb - hab)) / (ha + hb))
}
