/** Kinds of settings. Each carries the end of its own error message, `wants …`, as zod's message. */
import { z } from 'zod'

export function choice<const T extends readonly string[]>(values: T, description: string) {
  return z
    .enum(values, { error: values.length > 1 ? `one of ${values.join(', ')}` : `${values[0]}` })
    .describe(description)
}

export function whole(least: number, description: string, most = Number.MAX_SAFE_INTEGER) {
  const error =
    most < Number.MAX_SAFE_INTEGER ? `a whole number from ${least} to ${most}` : `a whole number of at least ${least}`
  return z.int({ error }).min(least, { error }).max(most, { error }).describe(description)
}

export function above(bound: number, description: string) {
  const error = `a number above ${bound}`
  return z.number({ error }).gt(bound, { error }).describe(description)
}

export function between(least: number, most: number, description: string) {
  const error = most < Infinity ? `a number from ${least} to ${most}` : `a number of at least ${least}`
  return z.number({ error }).min(least, { error }).max(most, { error }).describe(description)
}

export function flag(description: string) {
  return z.boolean({ error: 'true or false' }).describe(description)
}

export function text(description: string) {
  const error = 'a text that is not empty'
  return z.string({ error }).min(1, { error }).describe(description)
}

/** Widths of the layers of a head. */
export function widths(description: string) {
  const error = 'a list of whole numbers of at least 1, such as [256, 128]'
  const width = z.int({ error }).min(1, { error })
  return z.array(width, { error }).min(1, { error }).describe(description)
}

/** At least one number above 0. */
export function positives(description: string, example: readonly number[]) {
  const error = `a list of numbers above 0, such as [${example.join(', ')}]`
  const number = z.number({ error }).gt(0, { error })
  return z.array(number, { error }).min(1, { error }).describe(description)
}

/** A range of numbers above 0. */
export function range(description: string) {
  const error = 'two ascending numbers above 0'
  const bound = z.number({ error }).gt(0, { error })
  return z
    .tuple([bound, bound], { error })
    .refine(([least, most]) => least <= most, { error })
    .describe(description)
}

/** A range of shares, above 0 and up to 1. */
export function shares(description: string) {
  const error = 'two numbers with 0 < least ≤ most ≤ 1, such as [0.08, 1]'
  const share = z.number({ error }).gt(0, { error }).max(1, { error })
  return z
    .tuple([share, share], { error })
    .refine(([least, most]) => least <= most, { error })
    .describe(description)
}

/** Unknown keys are refused. */
export function section<T extends z.core.$ZodLooseShape>(shape: T, description: string) {
  return z.strictObject(shape, { error: 'an object of settings' }).describe(description)
}
