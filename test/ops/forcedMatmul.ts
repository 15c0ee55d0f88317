import assert from 'node:assert/strict'
import type { Device } from '../../src/device/device.js'
import type { LaunchOf } from '../../src/device/launch.js'
import { implement } from '../../src/device/webgpu/plan.js'
import type { SubgroupMatrix } from '../../src/device/webgpu/subgroupMatrix.js'
import '../../src/ops/matmul.js'
import { type MatmulForce, planMatmul } from '../../src/ops/matmul.plan.js'
import { tensor } from '../../src/tensor/create.js'
import { scope } from '../../src/tensor/scope.js'
import { empty } from '../../src/tensor/tensor.js'
import { half } from '../reference/half.js'

declare module '../../src/device/launch.js' {
  interface Launches {
    forcedMatmul: { launch: LaunchOf<'matmul'>; force: MatmulForce; subgroupMatrix: SubgroupMatrix | undefined }
  }
}

implement('forcedMatmul', ({ launch, force, subgroupMatrix }, target) =>
  planMatmul(launch, { ...target, subgroupMatrix }, force),
)

/** A product with bias and residual, of sines and cosines. */
export interface Problem {
  m: number
  n: number
  k: number
  batch: number
  transposeA: boolean
  transposeB: boolean
  precision?: 'float16'
  relu?: boolean
}

/** Carries out a product as prescribed and holds it against float64, its operands rounded first where it is in float16. */
export async function check(
  device: Device,
  problem: Problem,
  force: MatmulForce,
  subgroupMatrix?: SubgroupMatrix,
): Promise<void> {
  const { m, n, k, batch, transposeA, transposeB } = problem
  const a = Float32Array.from({ length: batch * m * k }, (_, i) => Math.sin(1 + 3 * i))
  const b = Float32Array.from({ length: batch * k * n }, (_, i) => Math.cos(2 + 5 * i))
  const bias = Float32Array.from({ length: n }, (_, i) => Math.sin(i))
  const residual = Float32Array.from({ length: batch * m * n }, (_, i) => Math.sin(1 + i))
  const got = await scope(() => {
    const operands = [a, b, bias, residual].map(data => tensor(data, { device }))
    const out = empty([batch * m * n], 'float32', device)
    const launch: LaunchOf<'matmul'> = {
      op: 'matmul',
      a: operands[0]!.slice,
      b: operands[1]!.slice,
      bias: operands[2]!.slice,
      residual: operands[3]!.slice,
      out: out.slice,
      ...problem,
      sharedA: false,
      sharedB: false,
    }
    device.launch({ op: 'forcedMatmul', launch, force, subgroupMatrix })
    return out
  }).data()
  const [left, right] = [a, b].map(data => (problem.precision ? data.map(half) : data)) as [Float32Array, Float32Array]
  let error = 0
  let norm = 0
  for (let i = 0; i < got.length; i++) {
    const [column, row, index] = [i % n, Math.floor(i / n) % m, Math.floor(i / (n * m))]
    let sum = bias[column]! + residual[i]!
    for (let q = 0; q < k; q++) {
      const inA = transposeA ? q * m + row : row * k + q
      const inB = transposeB ? column * k + q : q * n + column
      sum += left[index * m * k + inA]! * right[index * k * n + inB]!
    }
    if (problem.relu) sum = Math.max(sum, 0)
    error += (got[i]! - sum) ** 2
    norm += sum ** 2
  }
  const bound = 8 * Math.sqrt(k) * 2 ** -24 * Math.sqrt(norm) + 1e-6
  assert.ok(Math.sqrt(error) <= bound, `${JSON.stringify(problem)}: off by ${Math.sqrt(error)}, bound ${bound}`)
}
