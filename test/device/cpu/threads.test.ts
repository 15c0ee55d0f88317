import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import sharp from 'sharp'
import { decodeImages } from '../../../src/data/decodeImages.js'
import { openCPU } from '../../../src/device/cpu/open.js'
import { matmul } from '../../../src/ops/matmul.js'
import { zeros } from '../../../src/tensor/create.js'

const THREADS = 2
const IN_FLIGHT = 8
const TASKS = '/proc/self/task'

/** The threads of this process, those of sharp's library apart; where the system does not list them in files, none. */
function threadsNow(): { decoding: number; others: number } {
  const names = (existsSync(TASKS) ? readdirSync(TASKS) : []).map(task => {
    try {
      return readFileSync(join(TASKS, task, 'comm'), 'utf8')
    } catch {
      return '' // It has ended since it was listed.
    }
  })
  const decoding = names.filter(name => name.startsWith('libvips')).length
  return { decoding, others: names.filter(name => name !== '').length - decoding }
}

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
    const decode = () => decodeImages(files, { size: 32, channels: 3, inFlight: IN_FLIGHT })
    /** The most threads that decoded while `work` went on. */
    const mostDuring = async (work: Promise<unknown>) => {
      let most = 0
      const watch = setInterval(() => {
        most = Math.max(most, threadsNow().decoding)
      })
      await work
      clearInterval(watch)
      return most
    }
    /** The fewest of several looks: a thread that has just started still has the name of the one that started it. */
    const othersNow = async () => {
      const looks: number[] = []
      for (let i = 0; i < 5; i++) {
        await setTimeout(5)
        looks.push(threadsNow().others)
      }
      return Math.min(...looks)
    }
    // libuv's pool comes with the first image; sharp's threads come and go as images do.
    await decode()
    const idle = await othersNow()

    const device = await openCPU({ threads: THREADS })
    const a = zeros([512, 512], { device })
    const program = await device.record(() => matmul(a, a).dispose())
    await device.settle()
    const computing = (await othersNow()) - idle
    // The queue's, which leads the others.
    assert.ok(computing <= THREADS, `${computing} threads for ${THREADS}`)

    for (let i = 0; i < 50; i++) device.replay(program)
    const decoding = await mostDuring(Promise.all([decode(), device.settle()]))
    assert.ok(decoding <= IN_FLIGHT, `${decoding} threads decode ${IN_FLIGHT} images`)
    // OpenMP's threads stay, so that those of a second team would still be there.
    const both = (await othersNow()) - idle
    assert.ok(both <= computing, `${both} threads compute, ${computing} before`)
    device.release(program)
    a.dispose()
    await device.close()
  })
})
