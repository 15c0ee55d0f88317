import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { decodeImages } from '../../../src/data/decodeImages.js'
import { openCPU } from '../../../src/device/cpu/open.js'
import { matmul } from '../../../src/ops/matmul.js'
import { zeros } from '../../../src/tensor/create.js'

const THREADS = 2

/** Threads of this process; where the system does not list them in a file, none. */
const threadsNow = () => (existsSync('/proc/self/task') ? readdirSync('/proc/self/task').length : 0)

describe('CPUDevice: threads beside those of image decoding', () => {
  let folder: string

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'selfsame-threads-'))
  })

  after(() => rmSync(folder, { recursive: true }))

  it('decoding has one thread an image, and computing as many as it was given', async () => {
    const files = Array.from({ length: 24 }, (_, i) => join(folder, `${i}.png`))
    for (const file of files) {
      await sharp({ create: { width: 64, height: 64, channels: 3, background: 'red' } })
        .png()
        .toFile(file)
    }
    assert.equal(sharp.concurrency(), 1)
    const decode = () => decodeImages(files, { size: 32, channels: 3, inFlight: 8 })
    /** The most threads there were while `work` went on. */
    const mostDuring = async (work: Promise<unknown>) => {
      let most = threadsNow()
      const watch = setInterval(() => {
        most = Math.max(most, threadsNow())
      })
      await work
      clearInterval(watch)
      return most
    }
    // libuv's pool comes with the first image.
    await decode()
    const idle = threadsNow()
    const decoding = (await mostDuring(decode())) - idle

    const device = await openCPU({ threads: THREADS })
    const a = zeros([512, 512], { device })
    const program = await device.record(() => matmul(a, a).dispose())
    await device.settle()
    const computing = threadsNow() - idle
    // The queue's, which leads the others.
    assert.ok(computing <= THREADS, `${computing} threads for ${THREADS}`)

    for (let i = 0; i < 50; i++) device.replay(program)
    const both = (await mostDuring(Promise.all([decode(), device.settle()]))) - idle
    assert.ok(
      both <= decoding + computing,
      `${both} threads, of them ${decoding} to decode and ${computing} to compute`,
    )
    device.release(program)
    a.dispose()
    await device.close()
  })
})
