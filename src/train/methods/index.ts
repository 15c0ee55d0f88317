/** Every method that can be trained, in the order of its lineage. */
import { barlow } from './barlow.js'
import { byol } from './byol.js'
import { context } from './context.js'
import { dcl } from './dcl.js'
import type { MethodDefinition } from './definition.js'
import { dino } from './dino.js'
import { directcopy } from './directcopy.js'
import { directpred } from './directpred.js'
import { exemplar } from './exemplar.js'
import { jigsaw } from './jigsaw.js'
import { mae } from './mae.js'
import { meanTeacher } from './meanTeacher.js'
import { mocoV1, mocoV2 } from './moco.js'
import { mocoV3 } from './mocoV3.js'
import { nnclr } from './nnclr.js'
import { npid } from './npid.js'
import { rotation } from './rotation.js'
import { simclr } from './simclr.js'
import { simsiam } from './simsiam.js'
import { supcon } from './supcon.js'
import { supervised } from './supervised.js'
import { swav } from './swav.js'
import { tico } from './tico.js'
import { vicreg } from './vicreg.js'
import { wmse } from './wmse.js'

export const methods: readonly MethodDefinition[] = [
  exemplar,
  context,
  rotation,
  jigsaw,
  npid,
  mocoV1,
  mocoV2,
  mocoV3,
  simclr,
  nnclr,
  dcl,
  supcon,
  byol,
  simsiam,
  directpred,
  directcopy,
  barlow,
  vicreg,
  wmse,
  meanTeacher,
  tico,
  swav,
  dino,
  mae,
  supervised,
]

/** Names on the command line. */
export const methodNames = methods.map(({ name }) => name) as [string, ...string[]]

/** The definition of a name that a configuration has been checked for. */
export function methodNamed(name: string): MethodDefinition {
  return methods.find(method => method.name === name)!
}
