import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp, { type Sharp } from 'sharp'
import { decodeImages } from '../../src/data/decodeImages.js'
import { fromPicture, inFolder, picture, writeColour } from './images.js'

async function decodeOne(file: string, size: number, channels: 1 | 3 = 3): Promise<Uint8Array> {
  const { images, failed } = await decodeImages([file], { size, channels })
  assert.deepEqual(failed, [])
  assert.equal(images.length, size * size * channels)
  return images
}

describe('data/decodeImages', () => {
  it('keeps the bytes of an image that already has the size', () =>
    inFolder(async folder => {
      await fromPicture(32, 32).png().toFile(join(folder, 'a.png'))
      assert.deepEqual(await decodeOne(join(folder, 'a.png'), 32), new Uint8Array(picture(32, 32)))
      await fromPicture(32, 32).jpeg().toFile(join(folder, 'a.jpg'))
      const plain = await sharp(join(folder, 'a.jpg')).raw().toBuffer()
      assert.deepEqual(await decodeOne(join(folder, 'a.jpg'), 32), new Uint8Array(plain))
    }))

  it('crops at the centre without resampling when the short side fits', () =>
    inFolder(async folder => {
      const file = join(folder, 'wide.webp')
      await fromPicture(40, 20).webp({ lossless: true }).toFile(file)
      const pixels = picture(40, 20)
      const rows = Array.from({ length: 20 }, (_, y) => pixels.subarray((y * 40 + 10) * 3, (y * 40 + 30) * 3))
      assert.deepEqual(await decodeOne(file, 20), new Uint8Array(Buffer.concat(rows)))
    }))

  it('resizes both larger and smaller images by the short side', () =>
    inFolder(async folder => {
      const file = join(folder, 'halves.png')
      const left = { create: { width: 60, height: 80, channels: 3 as const, background: 'rgb(10,20,30)' } }
      const right = { create: { width: 60, height: 80, channels: 3 as const, background: 'rgb(200,210,220)' } }
      const tiles = [left, right].map((input, i) => ({ input, left: 60 * i, top: 0 }))
      await sharp({ create: { ...left.create, width: 120 } })
        .composite(tiles)
        .png()
        .toFile(file)
      for (const size of [16, 200]) {
        const bytes = await decodeOne(file, size)
        const middleRow = (size / 2) * size * 3
        assert.deepEqual([...bytes.subarray(middleRow, middleRow + 3)], [10, 20, 30])
        assert.deepEqual([...bytes.subarray(middleRow + (size - 1) * 3, middleRow + size * 3)], [200, 210, 220])
      }
    }))

  it('turns images upright by their EXIF orientation', () =>
    inFolder(async folder => {
      const file = join(folder, 'turned.png')
      // Orientation 6: the camera was held so that the picture must be turned clockwise by 90°.
      await fromPicture(16, 16).withMetadata({ orientation: 6 }).png().toFile(file)
      const pixels = picture(16, 16)
      const turned = new Uint8Array(pixels.length)
      for (let y = 0; y < 16; y++) {
        for (let x = 0; x < 16; x++) {
          for (let c = 0; c < 3; c++) turned[(y * 16 + x) * 3 + c] = pixels[((15 - x) * 16 + y) * 3 + c]!
        }
      }
      assert.deepEqual(await decodeOne(file, 16), turned)
    }))

  it('brings grey, 16-bit and palette images to the channels asked for', () =>
    inFolder(async folder => {
      const colour = 'rgb(120,120,120)'
      const plain = sharp({ create: { width: 8, height: 8, channels: 3, background: colour } })
      const files: Record<string, Sharp> = {
        'grey.png': plain.clone().toColourspace('b-w').png(),
        'grey16.png': plain.clone().toColourspace('grey16').png(),
        'rgb16.png': plain.clone().toColourspace('rgb16').png(),
        'palette.png': plain.clone().png({ palette: true }),
      }
      for (const [name, image] of Object.entries(files)) {
        await image.toFile(join(folder, name))
        // From 16-bit colour to grey the luminance is rounded once more.
        const tolerance = name === 'rgb16.png' ? 1 : 0
        for (const channels of [3, 1] as const) {
          const bytes = await decodeOne(join(folder, name), 8, channels)
          assert.ok(
            bytes.every(byte => Math.abs(byte - 120) <= tolerance),
            `${name} to ${channels} channels: ${bytes.subarray(0, 3)}`,
          )
        }
      }
      const { space, depth } = await sharp(join(folder, 'grey16.png')).metadata()
      assert.deepEqual([space, depth], ['grey16', 'ushort'])
    }))

  it('brings CMYK to sRGB, dark and bright the right way round', () =>
    inFolder(async folder => {
      const file = join(folder, 'cmyk.jpg')
      // Printing inks reach neither black nor every grey: 0 came back as (10, 5, 0) and 120 as (109, 109, 106).
      for (const brightness of [0, 60, 120, 200, 255]) {
        const colour = `rgb(${brightness},${brightness},${brightness})`
        const plain = sharp({ create: { width: 8, height: 8, channels: 3, background: colour } })
        await plain.toColourspace('cmyk').jpeg({ quality: 100 }).toFile(file)
        assert.equal((await sharp(file).metadata()).space, 'cmyk')
        for (const channels of [3, 1] as const) {
          const bytes = await decodeOne(file, 8, channels)
          const tolerance = brightness === 255 ? 0 : 28
          assert.ok(
            bytes.every(byte => Math.abs(byte - brightness) <= tolerance),
            `${brightness} to ${channels} channels: ${bytes.subarray(0, 3)}`,
          )
        }
      }
    }))

  it('lays transparent pixels over white', () =>
    inFolder(async folder => {
      const black = (alpha: number) =>
        sharp({ create: { width: 4, height: 4, channels: 4, background: { r: 0, g: 0, b: 0, alpha } } })
      await black(0).png().toFile(join(folder, 'clear.png'))
      await black(1).webp({ lossless: true }).toFile(join(folder, 'opaque.webp'))
      assert.ok((await decodeOne(join(folder, 'clear.png'), 4)).every(byte => byte === 255))
      assert.ok((await decodeOne(join(folder, 'clear.png'), 4, 1)).every(byte => byte === 255))
      assert.ok((await decodeOne(join(folder, 'opaque.webp'), 4)).every(byte => byte === 0))
    }))

  it('reports truncated, empty and missing files by position, and closes the gaps', () =>
    inFolder(async folder => {
      const file = (name: string) => join(folder, name)
      await fromPicture(64, 64).jpeg().toFile(file('whole.jpg'))
      const whole = readFileSync(file('whole.jpg'))
      writeFileSync(file('half.jpg'), whole.subarray(0, Math.floor(whole.length * 0.7)))
      writeFileSync(file('empty.png'), '')
      await writeColour(file('last.png'), 'rgb(1,2,3)')
      const names = ['half.jpg', 'whole.jpg', 'empty.png', 'missing.webp', 'last.png']
      let files = 0
      const onFile = () => files++
      const { images, decoded, failed } = await decodeImages(names.map(file), { size: 8, channels: 3, onFile })
      assert.deepEqual(decoded, [1, 4])
      assert.deepEqual(
        failed.map(({ index }) => index),
        [0, 2, 3],
      )
      for (const { reason } of failed) assert.match(reason, /^[^\n]{10,}$/)
      assert.equal(images.length, 2 * 192)
      assert.deepEqual(images.subarray(0, 192), await decodeOne(file('whole.jpg'), 8))
      assert.deepEqual([...images.subarray(192, 195)], [1, 2, 3])
      assert.equal(files, 5)
    }))
})
