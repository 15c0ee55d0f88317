import type { BenchmarkRecord, CaseResult } from '../../bench/record.js'

/** A case as a benchmark might have measured it. */
export function resultOf(fields: Partial<CaseResult> = {}): CaseResult {
  return {
    op: 'matmul',
    shape: '512x512x512',
    dtype: 'float32',
    device: 'webgpu',
    median_ms: 10,
    spread: 0.02,
    gpu_ms: 9.5,
    host_ms: 0.2,
    gflops: 26.8,
    gb_s: 0.31,
    roofline_share: 0.3,
    matmul_share: null,
    objects: 0.25,
    images_per_s: null,
    peers: {
      'tfjs-webgpu': { median_ms: 30, spread: 0.03, ratio: 3 },
      'tfjs-wasm': { error: "Kernel 'X' <not> registered" },
    },
    ...fields,
  }
}

export function recordOf(cases: readonly CaseResult[], fields: Partial<BenchmarkRecord> = {}): BenchmarkRecord {
  return {
    selfsame: '0.1.0',
    date: '2026-01-31T12:00:00.000Z',
    host: { cpu: 'a processor', threads: 2, memory_gib: 8, os: 'Linux 6', node: '20.9.0' },
    device: 'webgpu',
    adapter: 'llvmpipe',
    software: true,
    driver: 'Mesa 25',
    toggles: ['allow_unsafe_apis'],
    limits: { maxBindingBytes: 134_217_728 },
    plans: {},
    compilation: { pipelines: 12, ms: 3450 },
    roofline: { copy_gb_s: 12, fma_gflops: 100 },
    peers: { 'tfjs-webgpu': { version: '4.22.0' }, 'jax-js': { error: 'not installed' } },
    cases: [...cases],
    left_out: [],
    ...fields,
  }
}
