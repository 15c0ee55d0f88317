/** Watches a run's embeddings for collapse, and says so in words. */
import { type Diagnostics, diagnose } from '../eval/diagnostics.js'
import type { Log } from './log.js'
import { CollapseError, type Result } from './result.js'
import type { TrainingStep } from './step.js'

export class CollapseWatch {
  /** Of the latest look; absent before the first. */
  latest: Diagnostics | undefined
  private warned: Diagnostics['verdict'] | undefined

  constructor(
    private readonly step: TrainingStep,
    private readonly log: Log,
    private readonly stopOnCollapse: boolean,
  ) {}

  /**
   * Looks at ẑ of the latest step; a verdict that is bad and new is a warning.
   * @param step steps done
   * @throws CollapseError for a collapsed embedding, where the run is to stop then
   */
  async look(step: number): Promise<void> {
    const embeddings = await this.step.embeddings()
    if (!embeddings || embeddings.embedding.length < 2 * embeddings.dimension) return
    const { embedding, dimension, positives } = embeddings
    const found = diagnose(embedding, dimension, positives ? { positives } : {})
    this.latest = found
    const { spectrum, ...numbers } = found
    this.log.record('collapse', { step, ...numbers, spectrum: [...spectrum] })
    if (found.verdict !== 'healthy' && found.verdict !== this.warned) this.log.warn(`step ${step}: ${found.sentence}`)
    this.warned = found.verdict
    if (this.stopOnCollapse && found.verdict === 'collapsed') throw new CollapseError(step, found.sentence)
  }

  /** What a result says of the latest look; `null` before the first. */
  get embedding(): Result['embedding'] {
    if (!this.latest) return null
    const { verdict, deviation, fullDeviation, effectiveRank, uniformity, alignment } = this.latest
    return {
      verdict,
      deviation,
      full_deviation: fullDeviation,
      effective_rank: effectiveRank,
      uniformity,
      alignment: alignment ?? null,
      dimension: this.step.embeddingDimension,
    }
  }
}
