import sharp from 'sharp'

/** A picture drawn: the colour at a place, `#rrggbb`. */
export async function drawn(svg: string): Promise<(x: number, y: number) => string> {
  const { data, info } = await sharp(Buffer.from(svg)).removeAlpha().raw().toBuffer({ resolveWithObject: true })
  return (x, y) => {
    const at = info.channels * (Math.round(y) * info.width + Math.round(x))
    return `#${data.subarray(at, at + 3).toString('hex')}`
  }
}

/** The numbers of attributes `name="…"`, in the order in which they stand. */
export function numbersOf(svg: string, element: string, name: string): number[] {
  return [...svg.matchAll(new RegExp(`<${element}[^>]* ${name}="([^"]*)"`, 'g'))].map(match => Number(match[1]))
}
