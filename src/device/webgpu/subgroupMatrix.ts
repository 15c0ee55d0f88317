/**
 * A product of float16 matrices, m × k times k × n, added to float32 sums, that the lanes of a subgroup carry out
 * together: what a GPU's matrix units do.
 */
export interface SubgroupMatrix {
  readonly m: number
  readonly n: number
  readonly k: number
  readonly lanes: number
}

/** The features of a device that kernels with `SubgroupMatrix` need. The last is Chromium's, behind `allow_unsafe_apis`. */
const FEATURES = ['shader-f16', 'subgroups', 'chromium-experimental-subgroup-matrix']

/** What Dawn tells of an adapter's matrix units: not in WebGPU's specification, so not in its types. */
export interface SubgroupInfo {
  readonly subgroupMinSize?: number
  readonly subgroupMaxSize?: number
  readonly subgroupMatrixConfigs?: Iterable<{
    readonly componentType: string
    readonly resultComponentType: string
    readonly M: number
    readonly N: number
    readonly K: number
  }>
}

/**
 * The largest matrices that a device multiplies in float16 with sums in float32; nothing where it has none, or where the
 * driver may choose between subgroups of several sizes, since a kernel counts on one.
 */
export function subgroupMatrixOf(info: SubgroupInfo, features: ReadonlySet<string>): SubgroupMatrix | undefined {
  const lanes = info.subgroupMaxSize
  if (!lanes || info.subgroupMinSize !== lanes || !FEATURES.every(name => features.has(name))) return undefined
  return [...(info.subgroupMatrixConfigs ?? [])]
    .filter(({ componentType, resultComponentType }) => componentType === 'f16' && resultComponentType === 'f32')
    .map(({ M, N, K }) => ({ m: M, n: N, k: K, lanes }))
    .sort((a, b) => b.m * b.n * b.k - a.m * a.n * a.k)[0]
}
