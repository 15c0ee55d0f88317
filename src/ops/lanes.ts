/**
 * How kernels whose last axis is independent per element see it: four channels at a time where they come in fours, one
 * at a time otherwise. T is the element type of the kernel's text, INDEX the integer type of the same width.
 */
export function lanesOf(channels: number): { T: string; INDEX: string; width: number; columns: number } {
  return channels % 4 === 0
    ? { T: 'vec4<f32>', INDEX: 'vec4<i32>', width: 4, columns: channels / 4 }
    : { T: 'f32', INDEX: 'i32', width: 1, columns: channels }
}
