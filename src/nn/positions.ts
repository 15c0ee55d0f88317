import { ConfigError } from '../device/errors.js'
import { reshape } from '../ops/reshape.js'
import { affineSample } from '../ops/sample.js'
import { tensor } from '../tensor/create.js'
import type { Tensor } from '../tensor/tensor.js'

/** Rows and columns of patches. */
export type Grid = readonly [rows: number, columns: number]

/**
 * Fixed position embeddings of a grid of patches, row by row, [rows · columns, width]: a quarter of the width each is
 * sin(ω·column), cos(ω·column), sin(ω·row), cos(ω·row), with ω from 1 down to 1/10000 (Vaswani et al., 2017, section
 * 3.5). In this order in MAE's code; MoCo v3's has the rows first.
 *
 * @throws ConfigError unless the width is a multiple of 4.
 */
export function sinCosPositions([rows, columns]: Grid, width: number): Float32Array {
  if (width % 4 !== 0) throw new ConfigError(`sinCosPositions: wants a width that is a multiple of 4, got ${width}`)
  const quarter = width / 4
  const values = new Float32Array(rows * columns * width)
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      const at = (row * columns + column) * width
      for (let k = 0; k < quarter; k++) {
        const frequency = 10_000 ** (-k / quarter)
        values[at + k] = Math.sin(frequency * column)
        values[at + quarter + k] = Math.cos(frequency * column)
        values[at + 2 * quarter + k] = Math.sin(frequency * row)
        values[at + 3 * quarter + k] = Math.cos(frequency * row)
      }
    }
  return values
}

/**
 * Position embeddings [rows · columns, width] of one grid for patches of another, interpolated with bicubic weights as
 * DINO does for its smaller crops (PyTorch's `interpolate` to a size). Gradients go through.
 */
export function resizePositions(positions: Tensor, [rows, columns]: Grid, [height, width]: Grid): Tensor {
  const channels = positions.shape[1]!
  const image = reshape(positions, [1, rows, columns, channels])
  const identity = tensor([1, 0, 0, 0, 1, 0], { shape: [1, 2, 3], device: positions.device })
  const resized = affineSample(image, identity, { height, width, interpolation: 'bicubic', padding: 'border' })
  return reshape(resized, [height * width, channels])
}
