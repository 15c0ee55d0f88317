import { DINOHead } from '../../nn/dinoHead.js'
import { cosineMomentum } from '../../optim/schedules.js'
import { DINO } from '../../ssl/dino.js'
import { TargetNetwork } from '../../ssl/targetNetwork.js'
import { dinoViews } from '../../views/multiCrop.js'
import { above, between, section, shares, whole } from '../fields.js'
import { defineMethod } from './definition.js'

export const dino = defineMethod({
  name: 'dino',
  title: 'Emerging properties in self-supervised vision transformers',
  authors: 'Caron, Touvron, Misra, Jégou, Mairal, Bojanowski & Joulin',
  year: 2021,
  url: 'https://arxiv.org/abs/2104.14294',
  needs: ['momentum encoder', 'multi-crop'],
  options: section(
    {
      outputs: whole(2, 'K: outputs of the head.').default(65536),
      hidden: whole(1, "Width of the head's hidden layers.").default(2048),
      bottleneck: whole(1, 'Width of what its last layer sees.').default(256),
      momentum: between(0, 1, 'What is kept of the teacher at the first step; 1 at the last.').default(0.996),
      centreMomentum: between(0, 1, 'What is kept of the centre at each step.').default(0.9),
      studentTemperature: above(0, 'T of the student.').default(0.1),
      teacherTemperature: above(0, 'T of the teacher after its warm-up.').default(0.04),
      firstTeacherTemperature: above(0, 'T of the teacher at the beginning, where it has a warm-up.').exactOptional(),
      teacherWarmup: between(0, Infinity, 'Epochs of that warm-up.').default(0),
      frozenEpochs: between(0, Infinity, 'Epochs during which the last layer stays as it is.').default(1),
      localCount: whole(0, 'Small views of every image.').default(8),
      localSize: whole(4, 'Their side, in pixels; of the large ones half when absent.').exactOptional(),
      globalArea: shares(
        "Share of the image's area that a large view may have; as published when absent.",
      ).exactOptional(),
      localArea: shares(
        "Share of the image's area that a small view may have; as published when absent.",
      ).exactOptional(),
    },
    "DINO's own settings.",
  ),
  build(options, { config, device, encoder, generator, size, mean, std, totalSteps, stepsPerEpoch }) {
    const { outputs, hidden, bottleneck, momentum, centreMomentum, studentTemperature, frozenEpochs } = options
    const networks = (prefix: string) => {
      const network = encoder(`${prefix}encoder`)
      const inputs = network.featureDimension
      const stream = generator(`${prefix}head`)
      const head = new DINOHead({ inputs, hidden, bottleneck, outputs, generator: stream, device })
      return { encoder: network, head }
    }
    const { teacherTemperature: last, firstTeacherTemperature: first = last, teacherWarmup } = options
    const warmupSteps = Math.round(teacherWarmup * stepsPerEpoch)
    const teacherTemperature = (step: number) =>
      step < warmupSteps ? first + ((last - first) * step) / warmupSteps : last
    const { localCount, localSize = Math.round(size / 2), globalArea, localArea } = options
    const { strength, blur } = config.views
    const crops = { localCount, localSize, ...(globalArea && { globalArea }), ...(localArea && { localArea }) }
    return new DINO(
      networks(''),
      new TargetNetwork(networks('target.'), { momentum: cosineMomentum({ base: momentum, totalSteps }) }),
      {
        studentTemperature,
        teacherTemperature,
        centreMomentum,
        frozenSteps: Math.round(frozenEpochs * stepsPerEpoch),
        views: dinoViews({ size, mean, std, strength, blur, ...crops }),
      },
    )
  },
})
