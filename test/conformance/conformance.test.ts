import type { Device } from '../../src/device/device.js'
import { cases as batchLoss } from './batchLoss.js'
import { type Case, check } from './case.js'
import { cases as conv2d } from './conv2d.js'
import { cases as conv2dBatchNorm } from './conv2dBatchNorm.js'
import { cases as cosine } from './cosine.js'
import { devices } from './devices.js'
import { cases as elementwise } from './elementwise.js'
import { cases as keys } from './keys.js'
import { cases as linalg } from './linalg.js'
import { cases as loss } from './loss.js'
import { cases as matmul } from './matmul.js'
import { cases as movement } from './movement.js'
import { cases as norm } from './norm.js'
import { cases as pool } from './pool.js'
import { cases as reduce } from './reduce.js'
import { cases as sample } from './sample.js'
import { cases as sampled } from './sampled.js'
import { cases as targets } from './targets.js'
import { cases as topk } from './topk.js'

const families: Record<string, readonly Case[]> = {
  elementwise,
  reduce,
  matmul,
  conv2d,
  conv2dBatchNorm,
  pool,
  norm,
  linalg,
  loss,
  keys,
  batchLoss,
  sampled,
  cosine,
  movement,
  targets,
  topk,
  sample,
}

for (const { name, open } of devices) {
  describe(`every op against float64 on ${name}`, () => {
    let device: Device

    before(async () => {
      device = await open()
    })

    after(() => device.close())

    for (const [family, cases] of Object.entries(families)) {
      describe(family, () => {
        for (const row of cases) it(row.name, () => check(device, row))
      })
    }
  })
}
