/**
 * What a training run is: one plain object, checked here and nowhere else. It is made of `recipes/defaults.json`, a
 * recipe and the command line (`recipes.ts`), and lies in the run's folder as `config.json`.
 */
import { z } from 'zod'
import { DATA_SPECIFICATIONS } from '../data/loadData.js'
import { ConfigError } from '../device/errors.js'
import { encoderNames } from '../nn/encoders.js'
import { INITIALISATIONS } from '../nn/initialise.js'
import { VIEW_PARTS } from '../views/parts.js'
import { VIEW_PRESETS } from '../views/viewPair.js'
import { above, between, choice, flag, positives, section, shares, text, whole, widths } from './fields.js'
import { methodNamed, methodNames } from './methods/index.js'

const PARTS_ERROR = `a list of ${VIEW_PARTS.join(', ')}`

/** Every setting, its bounds and what it means. Unknown keys are refused. */
export const configSchema = section(
  {
    method: choice(methodNames, 'How the encoder learns.'),
    data: text(`The data set: ${DATA_SPECIFICATIONS.join(', ')}.`),
    encoder: choice(encoderNames, 'The network that is trained and kept.'),
    width: whole(
      1,
      "Channels of the encoder's first stage; by default as published (32 for resnet8, 64 otherwise).",
    ).exactOptional(),
    network: section(
      {
        patchSize: whole(1, "Side of a vision transformer's patches, in pixels.").exactOptional(),
        depth: whole(1, 'Blocks of a vision transformer; 12 when absent.').exactOptional(),
        heads: whole(1, 'Heads of its attention; one for every 64 of its width when absent.').exactOptional(),
        positions: choice(['learned', 'sincos'], 'Its position embeddings; learned when absent.').exactOptional(),
        pooling: choice(
          ['class', 'mean'],
          'Its features: the class token, or the mean of the patches.',
        ).exactOptional(),
        frozenPatches: flag('Whether its patch projection stays as drawn (MoCo v3).').exactOptional(),
        normalisation: choice(['response', 'batch'], "AlexNet's: local response norm, or batch norm.").exactOptional(),
        dropout: between(0, 0.999999, "Of the Exemplar nets' last layer, in training.").exactOptional(),
        zeroInitResidual: flag("Whether a ResNet's residual branches begin with a last gamma of 0.").exactOptional(),
      },
      'Settings that only some encoders have.',
    ).exactOptional(),
    stem: choice(['cifar', 'imagenet'], 'First layers: 3x3 with stride 1, or 7x7 with stride 2 and a max-pool.'),
    projector: widths('Widths of the projector: its hidden layers, then its output.'),
    projectorNorm: choice(
      ['none', 'hidden', 'all'],
      'Batch norm in the projector: nowhere, before each ReLU, after the output too.',
    ),
    initialisation: choice(
      INITIALISATIONS,
      "Initial weights: He's normal (fan out), PyTorch's uniform defaults, Glorot's uniform, or normal of deviation 0.02.",
    ),
    epochs: whole(1, 'Passes over the training images.'),
    steps: whole(1, 'Optimiser steps in all, instead of epochs; the schedule spans them.').exactOptional(),
    limit: whole(1, 'Train on a random so many of the images.').exactOptional(),
    batch: whole(2, 'Images a step; each gives two views.'),
    seed: whole(0, 'Seed of the weights, the order and the views.'),
    optimizer: section(
      {
        name: choice(['sgd', 'lars', 'adamw'], 'The optimiser.'),
        learningRate: above(0, 'Peak learning rate for a batch of 256.'),
        scaling: choice(['linear', 'sqrt', 'none'], 'How the rate grows with batch / 256.'),
        momentum: between(0, 0.999999, 'Momentum of SGD and LARS, β1 of AdamW.'),
        weightDecay: between(0, 1, 'Weight decay; within the gradient for SGD and LARS, decoupled for AdamW.'),
        weightDecayEnd: between(0, 1, 'Weight decay at the end, along a cosine; constant when absent.').exactOptional(),
        nesterov: flag("Nesterov's momentum, for SGD.").exactOptional(),
        decayAll: flag('Decay biases and norms too.'),
        eeta: above(0, "LARS's trust coefficient.").exactOptional(),
        clip: above(0, "The longest that a parameter's gradient may be; any length when absent.").exactOptional(),
      },
      'What turns gradients into steps.',
    ),
    schedule: section(
      {
        form: choice(['cosine', 'peer', 'steps', 'constant'], 'After the warm-up, or times it for peer.'),
        drops: positives('Epochs after which the rate falls, for the form steps.', [120, 160]).exactOptional(),
        factor: between(0, 1, 'What the rate is multiplied by at each of them.').exactOptional(),
        warmup: between(0, Infinity, 'Epochs of linear warm-up.').exactOptional(),
        warmupFraction: between(0, 1, 'Warm-up as a share of all steps, instead of in epochs.').exactOptional(),
        final: between(
          0,
          1,
          'What is left of the peak rate at the end of the form cosine; nothing when absent.',
        ).exactOptional(),
      },
      'The learning rate over the run.',
    ),
    options: z
      .record(z.string(), z.unknown(), { error: 'an object of settings' })
      .describe('Settings that only the method has.'),
    labels: whole(
      1,
      'So many training images keep their labels, equally many a class; all when absent.',
    ).exactOptional(),
    views: section(
      {
        preset: choice(VIEW_PRESETS, 'The family of augmentations.'),
        size: whole(
          8,
          "Side of a view and of a folder's images, in pixels; by default that of the images, for a folder at most 64.",
          1024,
        ).exactOptional(),
        parts: z
          .array(z.enum(VIEW_PARTS, { error: PARTS_ERROR }), { error: PARTS_ERROR })
          .describe('Only these, instead of a preset: for asking which of them matter.')
          .exactOptional(),
        strength: between(0, 1.25, "Times the preset's colour jitter; 1 as published."),
        blur: flag("Whether the preset's blur is kept."),
        area: shares("Share of the image's area that a crop may have; the preset's own when absent.").exactOptional(),
        flip: between(0, 1, "Probability of a horizontal flip; the preset's own when absent.").exactOptional(),
      },
      'What a view is.',
    ),
    precision: choice(
      ['float32', 'bfloat16', 'float16'],
      'Number format of the products of convolutions and matmuls, bfloat16 on the device cpu, float16 on webgpu, with a scaled loss; sums and all else are float32.',
    ),
    device: choice(['auto', 'webgpu', 'cpu'], 'Where to compute.'),
    adapter: choice(['hardware', 'software'], 'Insist on this kind of WebGPU adapter.').exactOptional(),
    evaluation: section(
      {
        everyEpochs: whole(0, 'k-NN after every so many epochs; 0 for only at the end.'),
        neighbours: whole(1, 'k of k-NN; by default min(200, N/10).').exactOptional(),
        temperature: above(0, 'Temperature of the votes of k-NN.'),
        onlineProbe: flag('A linear classifier behind a stop-gradient learns along, where there are labels.'),
      },
      'Measuring while training.',
    ),
    checkpoint: section(
      {
        everyEpochs: whole(0, 'Checkpoint after every so many epochs; 0 for only at the end.'),
        everySteps: whole(1, 'Checkpoint after every so many steps as well.').exactOptional(),
      },
      'What survives a crash.',
    ),
  },
  'A training run.',
)

export type Config = z.infer<typeof configSchema>

/** The schema with the method's own settings in the place of `options`. */
function schemaOf(method: string): z.ZodObject {
  return configSchema.extend({ options: methodNamed(method).options })
}

/**
 * @param value what ought to be a whole configuration
 * @throws ConfigError for the first setting that is not right: `temperature: wants a number above 0, got -1`.
 */
export function parseConfig(value: unknown): Config {
  const method = (value as { method?: unknown } | null)?.method
  const schema = methodNames.includes(method as string) ? schemaOf(method as string) : configSchema
  const { success, data, error } = schema.safeParse(value)
  if (!success) throw new ConfigError(explain(error.issues[0]!, value, schema))
  return checked(data as Config)
}

/** What one field cannot tell. */
function checked(config: Config): Config {
  const { schedule, limit, batch } = config
  if (schedule.warmup !== undefined && schedule.warmupFraction !== undefined) {
    throw new ConfigError('schedule: wants warmup (in epochs) or warmupFraction, got both')
  }
  if (schedule.final !== undefined && schedule.form !== 'cosine') {
    throw new ConfigError(`schedule.final: is for the form cosine, not for ${schedule.form}`)
  }
  if (schedule.form === 'steps' && (schedule.drops === undefined || schedule.factor === undefined)) {
    throw new ConfigError('schedule: wants drops (in epochs) and factor for the form steps')
  }
  if (limit !== undefined && limit < batch) {
    throw new ConfigError(`limit: wants at least one batch of ${batch} images, got ${limit}; take a smaller batch`)
  }
  return config
}

function explain(issue: z.core.$ZodIssue, root: unknown, schema: z.ZodObject): string {
  const path = issue.path.map(String)
  if (issue.code === 'unrecognized_keys') {
    const known = Object.keys(sectionAt(path, schema).shape).join(', ')
    return `${[...path, issue.keys[0]].join('.')}: there is no such setting; there are ${known}`
  }
  // A wrong element of a list is shown as the whole list, because the message is about that.
  while (/^\d+$/.test(path.at(-1) ?? '')) path.pop()
  const got = path.reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], root)
  return `${path.join('.') || 'configuration'}: wants ${issue.message}, got ${got === undefined ? 'nothing' : show(got)}`
}

function show(value: unknown): string {
  return typeof value === 'number' ? String(value) : JSON.stringify(value)
}

function sectionAt(path: readonly string[], schema: z.ZodObject = configSchema): z.ZodObject {
  return path.reduce<z.ZodObject>((object, key) => object.shape[key] as z.ZodObject, schema)
}

/**
 * The one-line description of a setting such as `optimizer.learningRate`, with its choices, for help texts. A setting
 * `options.NAME` is described as the first method has it that knows it.
 */
export function describeSetting(path: string): string {
  const keys = path.split('.')
  const last = keys.at(-1)!
  const schemas = keys[0] === 'options' ? methodNames.map(schemaOf) : [configSchema]
  const fields = schemas.map(schema => sectionAt(keys.slice(0, -1), schema).shape[last] as z.ZodType | undefined)
  const field = bare(fields.find(candidate => candidate !== undefined)!)
  return field instanceof z.ZodEnum ? `${field.description} One of ${field.options.join(', ')}.` : field.description!
}

/** A field without its default or its being optional. */
function bare(field: z.ZodType): z.ZodType {
  return field instanceof z.ZodExactOptional || field instanceof z.ZodDefault
    ? bare(field.unwrap() as z.ZodType)
    : field
}
