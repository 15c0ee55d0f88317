import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { ConfigError, DeviceError } from '../../src/device/errors.js'
import { open } from '../../src/open.js'
import { matmul } from '../../src/ops/matmul.js'
import { zeros } from '../../src/tensor/create.js'
import { resolveConfig } from '../../src/train/recipes.js'
import { openSession } from '../../src/train/session.js'
import { pictures } from './tiny.js'

describe('precision on a processor without bfloat16', () => {
  it('is float32: the program says why', () => {
    const program = fileURLToPath(new URL('../../../bin/selfsame.js', import.meta.url))
    const words = 'train --data mnist --device cpu --precision bfloat16 --steps 1 --bench'.split(' ')
    const { status, stderr } = spawnSync(process.execPath, [program, ...words], {
      env: { ...process.env, ONEDNN_MAX_CPU_ISA: 'AVX2' },
      encoding: 'utf8',
    })
    assert.notEqual(status, 0)
    assert.match(stderr, /precision: bfloat16 would be three times slower than float32 on .*use float32/)
  })
})

describe('a precision that a device has not', () => {
  it('is refused in a configuration, with the reason', async () => {
    const config = resolveConfig({ device: 'webgpu', precision: 'bfloat16', batch: 8 })
    await assert.rejects(
      openSession(config, { train: pictures(8), skipped: [] }),
      error => error instanceof ConfigError && /precision: bfloat16 is not there on WebGPU/.test(error.message),
    )
  })

  it('is refused in a launch: bfloat16, and float16 without shader-f16', async () => {
    const device = await open({ device: 'webgpu', limits: 'minimum' })
    try {
      const x = zeros([4, 4], { device })
      assert.throws(
        () => matmul(x, x, { precision: 'bfloat16' }),
        error => error instanceof DeviceError && /matmul: precision bfloat16 .*use float16 or/.test(error.message),
      )
      assert.throws(
        () => matmul(x, x, { precision: 'float16' }),
        error => error instanceof DeviceError && /matmul: precision float16 needs .*shader-f16/.test(error.message),
      )
    } finally {
      await device.close()
    }
  })
})
