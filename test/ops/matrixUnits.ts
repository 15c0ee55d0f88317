import assert from 'node:assert/strict'
import { create } from 'webgpu'
import { kernelOf } from '../../src/device/webgpu/kernel.js'
import { type KernelName, kernels } from '../../src/device/webgpu/kernels.generated.js'
import { MINIMUM_LIMITS } from '../../src/device/webgpu/open.js'
import type { Dispatch, Target } from '../../src/device/webgpu/plan.js'
import type { SubgroupMatrix } from '../../src/device/webgpu/subgroupMatrix.js'

export const NVIDIA: SubgroupMatrix = { m: 16, n: 16, k: 16, lanes: 32 }
export const APPLE: SubgroupMatrix = { m: 8, n: 8, k: 8, lanes: 32 }
export const INTEL: SubgroupMatrix = { m: 8, n: 16, k: 16, lanes: 16 }
/** Lavapipe's subgroups have eight lanes: one for each row of four sums. */
export const EMULATED: SubgroupMatrix = { m: 8, n: 4, k: 4, lanes: 8 }

export const targetOf = (subgroupMatrix: SubgroupMatrix): Target => ({
  limits: MINIMUM_LIMITS,
  features: new Set(),
  software: false,
  subgroupMatrix,
})

// Dawn's null backend runs nothing, but offers every feature, so that Tint checks a text. It must outlive what is made of
// it: the process dies when Dawn's object is collected before.
const nothing = create(['backend=null', 'enable-dawn-features=allow_unsafe_apis'])

/** That Tint takes kernels on matrix units for WGSL, without a warning, and a pipeline comes of each. */
export async function compileAll(dispatches: readonly Dispatch[]): Promise<void> {
  const adapter = await nothing.requestAdapter()
  const features = ['shader-f16', 'subgroups', 'chromium-experimental-subgroup-matrix'] as GPUFeatureName[]
  const gpu = await adapter!.requestDevice({ requiredFeatures: features })
  for (const dispatch of dispatches) {
    const { key, source } = kernelOf(dispatch)
    gpu.pushErrorScope('validation')
    const module = gpu.createShaderModule({ code: source })
    gpu.createComputePipeline({ layout: 'auto', compute: { module, entryPoint: 'main' } })
    const { messages } = await module.getCompilationInfo()
    const texts = [...messages].map(({ message }) => message)
    assert.deepEqual(texts, [], key)
    assert.equal((await gpu.popErrorScope())?.message, undefined, key)
  }
  gpu.destroy()
}

/** Puts functions in the place of matrix units in the texts of kernels, until the result is called. */
export function emulateUnits(...names: readonly KernelName[]): () => void {
  const texts: Record<string, string> = kernels
  const originals = names.map(name => [name, texts[name]!] as const)
  for (const [name, text] of originals) texts[name] = emulated(text)
  return () => {
    for (const [name, text] of originals) texts[name] = text
  }
}

/** A kernel with functions for matrix units of the size `EMULATED`: a lane has a row of sums, an operand is its place. */
function emulated(source: string): string {
  return `${source
    .replace('enable chromium_experimental_subgroup_matrix;', '')
    .replace(/subgroup_matrix_result<[^>]*>/g, 'vec4<f32>')
    .replace(/subgroupMatrixLoad<subgroup_matrix_(left|right)<[^>]*>, (row_major|col_major)>\(\s*&(\w+),/g, '$1_$2_$3(')
    .replaceAll('subgroupMatrixMultiplyAccumulate(', 'multiply_accumulate(lane % {{LANES}}u, ')
    .replaceAll('subgroupMatrixStore<row_major>(&sums,', 'store_row(lane % {{LANES}}u,')}
fn left_row_major_tile_a(at: u32, stride: u32) -> u32 { return at; }
fn right_col_major_tile_b(at: u32, stride: u32) -> u32 { return at; }
fn multiply_accumulate(row: u32, left: u32, right: u32, before: vec4<f32>) -> vec4<f32> {
  var after = before;
  for (var k = 0u; k < {{K}}u; k++) {
#for COLUMN 0 {{N}}
    after[{{COLUMN}}] += f32(tile_a[left + row * {{K}}u + k]) * f32(tile_b[right + {{COLUMN * K}}u + k]);
#endfor
  }
  return after;
}
fn store_row(row: u32, at: u32, values: vec4<f32>, stride: u32) {
#for COLUMN 0 {{N}}
  sums[at + row * stride + {{COLUMN}}u] = values[{{COLUMN}}];
#endfor
}
`
}
