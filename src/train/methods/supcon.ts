import { SupCon } from '../../ssl/supcon.js'
import { above, section } from '../fields.js'
import { defineMethod } from './definition.js'

export const supcon = defineMethod({
  name: 'supcon',
  title: 'Supervised contrastive learning',
  authors: 'Khosla, Teterwak, Wang, Sarna, Tian, Isola, Maschinot, Liu & Krishnan',
  year: 2020,
  url: 'https://arxiv.org/abs/2004.11362',
  needs: ['negatives', 'labels'],
  options: section({ temperature: above(0, 'T of the loss.').default(0.1) }, "SupCon's own settings."),
  build({ temperature }, { classes, encoder, projector, views }) {
    // Refuses images without labels; how many classes there are the loss need not know.
    classes()
    const network = encoder()
    return new SupCon(network, projector(network.featureDimension), { temperature, views })
  },
})
