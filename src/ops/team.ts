import { fold, type Target, tiles } from '../device/webgpu/plan.js'
import { lanesOf } from './lanes.js'

/** For tests: how many invocations share a row, a power of two up to 256, and whether they meet in a subgroup. */
export interface TeamForce {
  readonly team?: number
  readonly subgroups?: boolean
}

/** Lanes that a subgroup has at least where the feature `subgroups-32` is listed. */
const SUBGROUP = 32

/**
 * How kernels with `lib/team.wgsl` share out the rows of a matrix. Alone on a software adapter, where a barrier costs
 * more than it saves. On a GPU neighbours read neighbours: 32 to a row, who meet by shuffling where subgroups are that
 * large, and 256 to a row of 4,096 numbers or more. The order of a sum is that of the team's size, whatever it meets by.
 */
export function teamOf(rows: number, width: number, { limits, features, software }: Target, force: TeamForce = {}) {
  const lanes = lanesOf(width)
  const team = force.team ?? (software ? 1 : width >= 4096 ? 256 : SUBGROUP)
  const subgroups = force.subgroups ?? (features.has('subgroups-32') && team === SUBGROUP)
  const workgroup = team === 1 ? 8 : 256
  return {
    parameters: {
      T: lanes.T,
      WIDTH: lanes.width,
      TEAM: team,
      SUBGROUPS: Number(subgroups),
      WORKGROUP: workgroup,
    },
    params: { rows, columns: lanes.columns },
    grid: fold(tiles(rows * team, workgroup), limits),
  }
}
