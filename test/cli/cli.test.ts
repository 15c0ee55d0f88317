import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('../../../bin/selfsame.js', import.meta.url))

describe('cli: the program', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'selfsame-cli-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  const selfsame = (...words: string[]) =>
    spawnSync(process.execPath, [program, ...words], { cwd: folder, encoding: 'utf8', timeout: 60_000 })

  for (const words of [
    ['--help'],
    ['train', '--help'],
    ['eval', '--help'],
    ['eval', 'finetune', '--help'],
    ['devices', '--help'],
    ['views', '--help'],
    ['profile', '--help'],
    ['--version'],
  ]) {
    it(`${words.join(' ')} goes to stdout and ends with 0`, () => {
      const { status, stdout, stderr } = selfsame(...words)
      assert.equal(status, 0)
      assert.match(stdout, /^(Usage: selfsame|\d+\.\d+\.\d+\n$)/)
      assert.equal(stderr, '')
    })
  }

  const wrong: [command: string, sentence: string | RegExp][] = [
    ['train --bogus 1', "unknown option '--bogus'"],
    ['train --lr', /^option '--lr <rate>' argument missing$/],
    ['fly', "unknown command 'fly'"],
    ['train --temperature -1', '--temperature: wants a number above 0, got -1'],
    ['train --lr fast', '--lr: wants a number above 0, got "fast"'],
    ['train --encoder vit', /^--encoder: wants one of resnet8, .*vit-small, got "vit"$/],
    ['train --projector 256,x', /^--projector: wants a list of whole numbers/],
    ['train --recipe nope', /^there is no recipe 'nope' for mnist; there are /],
    ['train --resume', '--resume wants --out: the folder of the run'],
    ['train --bench --overwrite --out taken', '--bench keeps nothing: leave --resume and --overwrite out'],
    ['train --out taken', '--out: taken is not empty; add --resume or --overwrite, or choose another folder'],
    ['train --overwrite --out .', '--overwrite: . holds taken, which is not of a run; choose another --out'],
    ['eval knn', "required option '--run <folder>' not specified"],
    ['eval magic', "unknown command 'magic'"],
    ['eval linear --run x --neighbours 3', "unknown option '--neighbours'"],
    ['eval finetune --run x', /^required option '--labels <n>' not specified$/],
    ['eval finetune --run x --labels 0', /^--labels: wants a number of labels, such as 100, or a share .*, got 0$/],
    ['eval kmeans --run x --clusters few', '--clusters: wants a whole number of at least 1, got few'],
    ['eval knn --run nowhere', '--run: there is no run in nowhere (it has no config.json)'],
    ['devices now', /too many arguments/],
    ['profile --steps 0', /argument '0' is invalid. It wants a whole number of at least 1./],
    ['profile --trace nowhere/trace.json', '--trace: there is no folder nowhere'],
    ['profile --batch much', /^--batch: wants a whole number/],
    ['views', 'views: wants --method or --preset, and not both'],
    ['views --method magic', /'magic' is invalid. Allowed choices are /],
    ['views --preset magic', /'magic' is invalid. Allowed choices are simclr, /],
    ['views --preset byol --rows 0', /argument '0' is invalid. It wants a whole number of at least 1./],
    ['views --preset byol --strength much', /argument 'much' is invalid. It wants a number of at least 0./],
    ['views --preset byol --out views.jpg', '--out: wants a file that ends in .png, got views.jpg'],
    ['views --preset byol --out nowhere/views.png', '--out: there is no folder nowhere'],
  ]
  for (const [command, sentence] of wrong) {
    it(`${command}: one sentence, exit code 2, nothing written`, () => {
      spawnSync('mkdir', [join(folder, 'taken')])
      writeFileSync(join(folder, 'taken', 'notes'), '')
      const { status, stdout, stderr } = selfsame(...command.split(' '))
      assert.equal(status, 2, stderr)
      assert.equal(stdout, '')
      const said = stderr.trimEnd().replace(/^selfsame: /, '')
      assert.ok(!said.includes('\n'), stderr)
      if (typeof sentence === 'string') assert.equal(said, sentence)
      else assert.match(said, sentence)
      assert.deepEqual(readdirSync(folder), ['taken'])
    })
  }

  it('lists adapters and the CPU device for people and as JSON', () => {
    const people = selfsame('devices')
    assert.equal(people.status, 0, people.stderr)
    assert.match(people.stdout, /\((webgpu), (software|hardware)\)\n {2}vendor .*\n {2}driver .*\n {2}buffers .* MiB/)
    const { status, stdout } = selfsame('devices', '--json')
    assert.equal(status, 0)
    const { devices } = JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as { devices: Record<string, unknown>[] }
    assert.deepEqual(
      devices.map(({ kind }) => kind).filter(kind => kind === 'cpu'),
      ['cpu'],
    )
    assert.match(people.stdout, /\(cpu\)\n {2}vendor .*\n {2}driver +oneDNN [\d.]+, \d+ threads?\n/)
    assert.deepEqual(Object.keys(devices[0]!).sort(), [
      'driver',
      'features',
      'kind',
      'limits',
      'name',
      'software',
      'vendor',
    ])
    assert.ok(Array.isArray(devices[0]!.features))
    assert.ok(!existsSync(join(folder, 'runs')))
  })
})
