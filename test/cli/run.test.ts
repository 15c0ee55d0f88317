import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { Generator } from '../../src/tensor/philox.js'

const program = fileURLToPath(new URL('../../../bin/selfsame.js', import.meta.url))
const SIDE = 12

/** Noise, bright at the top in one class and at the bottom in the other. */
async function writePictures(folder: string): Promise<void> {
  const generator = new Generator(1)
  for (const [split, count] of [
    ['train', 40],
    ['test', 10],
  ] as const) {
    for (const label of ['bottom', 'top']) {
      mkdirSync(join(folder, split, label), { recursive: true })
      for (let i = 0; i < count; i++) {
        const values = SIDE * SIDE * 3
        const pixels = Buffer.from(
          Array.from({ length: values }, (_, at) => {
            const bright = at < values / 2 === (label === 'top')
            return generator.uniform(0, 128) + (bright ? 127 : 0)
          }),
        )
        await sharp(pixels, { raw: { width: SIDE, height: SIDE, channels: 3 } }).toFile(
          join(folder, split, label, `${i}.png`),
        )
      }
    }
  }
}

for (const device of ['webgpu', 'cpu']) {
  describe(`cli on ${device}: runs from end to end`, () => {
    let folder: string
    let common: string[]
    before(async () => {
      folder = mkdtempSync(join(tmpdir(), 'selfsame-e2e-'))
      await writePictures(join(folder, 'pictures'))
      common = `--device ${device} --data folder:pictures --batch 16 --width 4 --projector 16,8 --steps 12`.split(' ')
    })
    after(() => rmSync(folder, { recursive: true }))

    const selfsame = (...words: string[]) =>
      spawnSync(process.execPath, [program, ...words], { cwd: folder, encoding: 'utf8', timeout: 60_000 })
    const json = ({ status, stdout, stderr }: ReturnType<typeof selfsame>) => {
      assert.equal(status, 0, stderr)
      return JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as Record<string, unknown>
    }
    const train = (...words: string[]) => selfsame('train', ...common, ...words)

    it('writes a result, prints the same, and repeats it to the bit', () => {
      const result = json(train('--out', 'first', '--json'))
      assert.deepEqual(JSON.parse(readFileSync(join(folder, 'first', 'result.json'), 'utf8')), result)
      assert.deepEqual(readdirSync(join(folder, 'first')).sort(), [
        'checkpoint-10.json',
        'checkpoint-10.safetensors',
        'checkpoint-12.json',
        'checkpoint-12.safetensors',
        'config.json',
        'log.jsonl',
        'result.json',
      ])
      assert.ok(Number(result.knn) >= 0.5 && Number(result.linear) >= 0.5)
      const hash = result.parameters_sha256
      assert.match(String(hash), /^[0-9a-f]{64}$/)
      assert.equal(json(train('--out', 'second', '--json')).parameters_sha256, hash)
      assert.equal(json(train('--bench', '--json')).parameters_sha256, hash)
      assert.notEqual(json(train('--bench', '--json', '--seed', '1')).parameters_sha256, hash)
      assert.notEqual(json(train('--bench', '--json', '--steps', '13')).parameters_sha256, hash)
      assert.ok(!existsSync(join(folder, 'runs')), 'a benchmark writes nothing')
    })

    it('writes a contact sheet of views', async () => {
      const words = '--preset byol --rows 3 --draws 2 --out sheet.png'.split(' ')
      const { status, stdout, stderr } = selfsame('views', '--device', device, '--data', 'folder:pictures', ...words)
      assert.equal(status, 0, stderr)
      assert.equal(stdout, 'sheet.png: byol on folder:pictures, 3 images\n')
      const { format, width, height } = await sharp(join(folder, 'sheet.png')).metadata()
      // Twelve pixels a side become 108; an original and four views, three rows of them.
      assert.equal(format, 'png')
      assert.ok(width > 5 * 108 && width < 5 * 108 + 200 && height > 3 * 108 && height < 3 * 108 + 120)
      // A system without fonts, as far as fontconfig can say.
      writeFileSync(join(folder, 'fonts.conf'), '<?xml version="1.0"?><fontconfig><dir>/nowhere</dir></fontconfig>')
      const without = spawnSync(process.execPath, [program, 'views', '--device', device, ...words], {
        cwd: folder,
        encoding: 'utf8',
        env: { ...process.env, FONTCONFIG_FILE: join(folder, 'fonts.conf') },
      })
      assert.equal(without.status, 0, without.stderr)
      assert.match(without.stderr, /^selfsame: no font is installed here, so captions will be boxes$/m)
    })

    it('prints a table for people', () => {
      const { status, stdout } = train('--out', 'table')
      assert.equal(status, 0)
      assert.match(stdout, /features +k-NN +linear\n─+\nsimclr resnet8 .* %\nuntrained resnet8 .* %\nraw pixels .* %\n/)
    })

    it('probes a run, and says in JSON what it found', () => {
      const result = JSON.parse(readFileSync(join(folder, 'first', 'result.json'), 'utf8')) as Record<string, unknown>
      for (const kind of ['knn', 'linear'] as const) {
        const found = json(selfsame('eval', kind, '--run', 'first', '--json'))
        assert.equal(found.kind, kind)
        assert.equal(found.step, 12)
        assert.equal(found.accuracy, result[kind])
      }
    })

    it('clusters its features, and trains it on a few labels', () => {
      const kmeans = json(selfsame('eval', 'kmeans', '--run', 'first', '--seed', '3', '--json'))
      assert.deepEqual([kmeans.kind, kmeans.step, kmeans.seed], ['kmeans', 12, 3])
      const { trained, pixels, untrained } = kmeans.nmi as Record<string, number>
      for (const nmi of [trained, pixels, untrained]) assert.ok(nmi! >= 0 && nmi! <= 1, String(nmi))
      assert.ok(Number(kmeans.accuracy) >= 0.5)

      const words = ['--run', 'first', '--labels', '50%', '--epochs', '2', '--batch', '4']
      const tuned = json(selfsame('eval', 'finetune', ...words, '--json'))
      assert.deepEqual([tuned.epochs, tuned.batch, tuned.seed], [2, 4, 0])
      assert.ok(Number(tuned.labels) > 3)
      const people = selfsame('eval', 'finetune', ...words)
      assert.equal(people.status, 0, people.stderr)
      assert.match(
        people.stdout,
        /fine-tuned on \d+ labels for 2 epochs\n\nfeatures +fine-tuned\n─+\nsimclr .* %\nuntrained .* %\n$/,
      )
    })

    it('takes BYOL apart, with a table and a picture, and does not train again what is there', () => {
      const words = `--device ${device} --data folder:pictures --batch 16 --epochs 2 --only no-predictor`.split(' ')
      const small = ['--set', 'width=4', 'projector=[8,8]', 'optimizer.learningRate=0.1']
      const collapse = () => selfsame('collapse', ...words, ...small, '--out', 'laboratory')
      const { status, stdout, stderr } = collapse()
      assert.equal(status, 0, stderr)
      assert.match(stdout, /^BYOL +72\.5 a .*\nno predictor +0\.2 a /m)
      const [table, picture] = ['txt', 'svg'].map(end =>
        readFileSync(join(folder, `laboratory/collapse.${end}`), 'utf8'),
      )
      assert.ok(stdout.startsWith(table!))
      assert.match(picture!, />no-predictor</)
      const again = collapse()
      assert.equal(again.stdout, stdout)
      assert.match(again.stderr, /2 of 2: no-predictor is done already/)
    })

    it('ends with the same bits after SIGKILL and --resume', async () => {
      const words = [...common, '--out', 'killed', '--checkpoint-steps', '1', '--resume']
      const child = spawn(process.execPath, [program, 'train', ...words], { cwd: folder, stdio: 'ignore' })
      const ended = once(child, 'close')
      while (!existsSync(join(folder, 'killed', 'checkpoint-3.json'))) await new Promise(next => setTimeout(next, 2))
      child.kill('SIGKILL')
      assert.equal((await ended)[1], 'SIGKILL')
      const resumed = selfsame('train', ...words, '--json')
      assert.match(resumed.stderr, /going on after step \d+ of 12/)
      const whole = JSON.parse(readFileSync(join(folder, 'first', 'result.json'), 'utf8')) as Record<string, unknown>
      assert.equal(json(resumed).parameters_sha256, whole.parameters_sha256)
      assert.equal(json(resumed).loss_first, whole.loss_first)
    })

    it('stops with a checkpoint and exit code 130 at SIGTERM', async () => {
      const words = ['train', ...common, '--steps', '100000', '--out', 'stopped', '--checkpoint-every', '0']
      const child = spawn(process.execPath, [program, ...words], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
      let said = ''
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        said += text
      })
      const ended = once(child, 'close')
      while (!said.includes('epoch')) await once(child.stderr, 'data')
      child.kill('SIGTERM')
      assert.deepEqual(await ended, [130, null])
      const step = Number(/stopped after step (\d+); go on with: selfsame train --resume --out stopped/.exec(said)?.[1])
      assert.ok(step > 0 && existsSync(join(folder, 'stopped', `checkpoint-${step}.json`)), said)
    })

    it('writes nothing when the data set is not there, and replaces nothing', () => {
      const log = readFileSync(join(folder, 'first', 'log.jsonl'), 'utf8')
      for (const data of ['folder:nowhere', 'imagenet']) {
        for (const out of [
          ['--out', 'new'],
          ['--out', 'first', '--overwrite'],
        ]) {
          const { status, stdout, stderr } = selfsame('train', '--data', data, ...out)
          assert.equal(status, 2)
          assert.equal(stdout, '')
          assert.match(stderr, /^selfsame: [^\n]*(nowhere|imagenet)[^\n]*\n$/)
        }
      }
      assert.ok(!existsSync(join(folder, 'new')))
      assert.equal(readFileSync(join(folder, 'first', 'log.jsonl'), 'utf8'), log)
    })

    it('replaces a run when told to, and refuses to resume another one', () => {
      assert.match(selfsame('train', '--out', 'first', '--resume', '--seed', '9').stderr, /started with seed 0, not 9/)
      const result = json(train('--out', 'first', '--overwrite', '--steps', '2', '--json'))
      assert.equal(result.steps, 2)
      assert.deepEqual(
        readdirSync(join(folder, 'first')).filter(name => name.startsWith('checkpoint')),
        ['checkpoint-2.json', 'checkpoint-2.safetensors'],
      )
    })
  })
}
