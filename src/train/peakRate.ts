import type { Config } from './config.js'

/** The largest learning rate of a run: that for a batch of 256, scaled to the batch. */
export function peakRate({ optimizer, batch }: Pick<Config, 'optimizer' | 'batch'>): number {
  return optimizer.learningRate * { linear: batch / 256, sqrt: Math.sqrt(batch / 256), none: 1 }[optimizer.scaling]
}
