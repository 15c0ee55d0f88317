/** What a plan of views makes of the images of a data set, as a sheet to look at. */
import type { Dataset } from '../data/dataset.js'
import { subset } from '../data/dataset.js'
import type { Device } from '../device/device.js'
import { type AugmentStructure, augment, PARAMETERS } from '../ops/augment.js'
import { tensor } from '../tensor/create.js'
import { Generator } from '../tensor/philox.js'
import { scope } from '../tensor/scope.js'
import type { ViewPlan } from '../views/plan.js'
import type { Picture, Sheet } from './sheet.js'

/** A plan, and the images that it is shown on. */
export interface Shown {
  /** For the title: of the method or the preset. */
  readonly name: string
  readonly plan: ViewPlan
  readonly dataset: Dataset
}

export interface SheetOptions {
  /** Images, taken at random. */
  readonly rows: number
  /** How often the views of each image are drawn. */
  readonly draws: number
  readonly seed: number
  readonly device: Device
}

/** The originals in the first column, their views beside them, draw after draw. */
export async function contactSheet({ name, plan, dataset }: Shown, options: SheetOptions): Promise<Sheet> {
  const { draws, seed, device } = options
  const generator = new Generator(seed, 'sheet')
  const rows = Math.min(options.rows, dataset.count)
  const images = subset(dataset, generator.split('images').permutation(dataset.count).subarray(0, rows))
  const { height, width, channels, labels, classes, source } = images
  const pictures = Array.from({ length: rows }, (_, i) => [pictureOf(images, i)])
  const targets: string[][] = Array.from({ length: rows }, () => [])
  for (let draw = 0; draw < draws; draw++) {
    const drawn = plan.draw(generator.split(`draw/${draw}`), rows, { height, width })
    for (const [view, structure] of plan.structures.entries()) {
      const out = scope(() =>
        augment(
          tensor(images.images, { shape: [rows, height, width, channels], device }),
          tensor(drawn.parameters[view]!, { shape: [rows, PARAMETERS], device }),
          structure,
        ),
      )
      const values = (await out.data()) as Float32Array
      out.dispose()
      for (let i = 0; i < rows; i++) pictures[i]!.push(viewOf(values, i, structure, channels))
    }
    for (let i = 0; drawn.targets && i < rows; i++) {
      const own = drawn.targets.subarray(i * plan.targetsPerImage, (i + 1) * plan.targetsPerImage)
      targets[i]!.push(own.join(' '))
    }
  }
  const views = plan.structures.length
  const columns = Array.from({ length: draws * views }, (_, i) => {
    const [draw, view] = [Math.floor(i / views) + 1, (i % views) + 1]
    if (views === 1) return { caption: `draw ${draw}`, ...(draw === 1 && { group: '' }) }
    return { caption: `view ${view}`, ...(view === 1 && { group: draws > 1 ? `draw ${draw}` : '' }) }
  })
  return {
    title: `${name} on ${source}, seed ${seed}`,
    columns: [{ caption: 'original' }, ...columns],
    rows: pictures.map((row, i) => {
      const label = labels && labels[i]! >= 0 ? [classes?.[labels[i]!] ?? String(labels[i])] : []
      const target = targets[i]!.length > 0 ? [`target ${targets[i]!.join(', ')}`] : []
      return { caption: [...label, ...target], pictures: row }
    }),
  }
}

function pictureOf({ images, height, width, channels }: Dataset, index: number): Picture {
  const each = height * width * channels
  return { height, width, channels, bytes: images.subarray(index * each, (index + 1) * each) }
}

/** A normalised view in bytes again: by the numbers of the data set, or ±3 deviations where it had its own. */
function viewOf(values: Float32Array, index: number, structure: AugmentStructure, channels: 1 | 3): Picture {
  const { height, width, mean, deviation, standardise } = structure
  const each = height * width * channels
  const bytes = Uint8ClampedArray.from(values.subarray(index * each, (index + 1) * each), (value, i) => {
    const centre = standardise === 'none' ? mean[i % channels]! : 0.5
    const scale = standardise === 'full' ? 1 / 6 : deviation[i % channels]!
    return 255 * (centre + scale * value)
  })
  return { height, width, channels, bytes: new Uint8Array(bytes.buffer) }
}
