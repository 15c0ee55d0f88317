import { ShapeError } from '../device/errors.js'
import { reshape, transpose } from '../ops/shape.js'
import { show } from '../tensor/shape.js'
import type { Tensor } from '../tensor/tensor.js'

/**
 * Images [N, H, W, C] as square patches, row by row: [N, (H / size)·(W / size), size·size·C], a patch's pixels row by row.
 *
 * @throws ShapeError when the patches do not fill the images.
 */
export function patchesOf(images: Tensor, size: number): Tensor {
  const [batch, height = 0, width = 0, channels] = images.shape
  if (images.rank !== 4 || height % size !== 0 || width % size !== 0) {
    throw new ShapeError(`patchesOf: wants images [N,H,W,C] in patches of ${size} x ${size}, got ${show(images.shape)}`)
  }
  const [rows, columns] = [height / size, width / size]
  const split = reshape(images, [batch!, rows, size, columns, size, channels!])
  return reshape(transpose(split, [0, 1, 3, 2, 4, 5]), [batch!, rows * columns, size * size * channels!])
}
