/** The library: what `import { … } from 'selfsame'` gives. Runs in Node and in browsers with WebGPU. */
export {
  keepLabels,
  type LabelBudget,
  type Sampler,
  sampler,
  type TwoStreamOptions,
  twoStreamSampler,
} from './data/sampler.js'
export type { Buffer, Compilation, Device, DeviceInfo, Limits, MemoryUse, Program, Slice } from './device/device.js'
export * from './device/errors.js'
export type { Launch, Launches, LaunchName, LaunchOf, Precision } from './device/launch.js'
export * from './eval/diagnostics.js'
export type { FeatureSet } from './eval/featureSet.js'
export { extractFeatures, type FeatureExtractor } from './eval/features.js'
export { cropAndFlip, type FinetuneOptions, type FinetuneResult, finetune } from './eval/finetune.js'
export {
  type Clustering,
  type KmeansAccuracyOptions,
  type KmeansOptions,
  type KmeansScore,
  kmeans,
  kmeansAccuracy,
} from './eval/kmeans.js'
export { knnAccuracy } from './eval/knn.js'
export { linearProbe } from './eval/linear.js'
export { normalisedMutualInformation } from './eval/mutualInformation.js'
export { OnlineProbe, type OnlineProbeOptions } from './eval/onlineProbe.js'
export { AlexNet } from './nn/alexnet.js'
export { Arena } from './nn/arena.js'
export { BatchNorm, splitBatchNorms } from './nn/batchNorm.js'
export { inChunks } from './nn/chunks.js'
export { Conv2d } from './nn/conv2d.js'
export { DINOHead, type DINOHeadOptions } from './nn/dinoHead.js'
export { Dropout } from './nn/dropout.js'
export { encoder, encoderNames } from './nn/encoders.js'
export { ExemplarNet } from './nn/exemplarNet.js'
export { LateFusion, type LateFusionOptions } from './nn/lateFusion.js'
export { LayerNorm } from './nn/layerNorm.js'
export { Linear } from './nn/linear.js'
export { MaskedDecoder, type MaskedDecoderOptions } from './nn/maskedDecoder.js'
export { MLP } from './nn/mlp.js'
export { Module } from './nn/module.js'
export { patchesOf } from './nn/patches.js'
export { resizePositions, sinCosPositions } from './nn/positions.js'
export { ResNet } from './nn/resnet.js'
export { Sequential } from './nn/sequential.js'
export { ModelState } from './nn/state.js'
export { Attention, TransformerBlock } from './nn/transformer.js'
export { VisionTransformer } from './nn/vit.js'
export { WeightNormLinear } from './nn/weightNormLinear.js'
export { type OpenOptions, open } from './open.js'
export { attention } from './ops/attention.js'
export { augment, normaliseImages } from './ops/augment.js'
export { bankSoftmax } from './ops/bankSoftmax.js'
export { batchNorm } from './ops/batchNorm.js'
export { cast } from './ops/cast.js'
export { conv2d } from './ops/conv2d.js'
export { conv2dBatchNorm } from './ops/conv2dBatchNorm.js'
export { dropout } from './ops/dropout.js'
export {
  abs,
  add,
  clamp,
  div,
  equal,
  exp,
  gelu,
  geluTanh,
  greater,
  log,
  maximum,
  minimum,
  mul,
  neg,
  pow,
  relu,
  rsqrt,
  sigmoid,
  sign,
  softplus,
  sqrt,
  sub,
  tanh,
  where,
} from './ops/elementwise.js'
export { gather, gatherTokens, oneHot, permute, scatterAdd } from './ops/gather.js'
export { gatherRows } from './ops/gatherRows.js'
export { infoNCE } from './ops/infoNCE.js'
export { inverseCholesky } from './ops/inverseCholesky.js'
export { layerNorm } from './ops/layerNorm.js'
export { cholesky, eigh } from './ops/linalg.js'
export { localResponseNorm } from './ops/localResponseNorm.js'
export { logSumExp } from './ops/logSumExp.js'
export { matmul } from './ops/matmul.js'
export { logNormaliserOf, type NCEOptions, nce } from './ops/nce.js'
export { cosineSimilarity, l2normalize } from './ops/normalize.js'
export { ntXent } from './ops/ntXent.js'
export { pickedDots } from './ops/pickedDots.js'
export { averagePool2d, globalAveragePool, maxPool2d, quadrantMaxPool } from './ops/pool.js'
export { randomUniform } from './ops/random.js'
export { argmax, max, mean, min, variance } from './ops/reduce.js'
export { affineSample } from './ops/sample.js'
export { type SampledSoftmaxOptions, sampledSoftmax } from './ops/sampledSoftmax.js'
export { scatterRows } from './ops/scatterRows.js'
export { concat, reshape, slice, transpose } from './ops/shape.js'
export { accuracy, type CrossEntropyOptions, crossEntropy, logSoftmax, softmax } from './ops/softmax.js'
export { softmaxClassifier } from './ops/softmaxClassifier.js'
export { broadcastTo, sum } from './ops/sum.js'
export { similarityTopK, topK } from './ops/topk.js'
export { AdamW } from './optim/adamw.js'
export { clipNorm } from './optim/clipNorm.js'
export { EMA } from './optim/ema.js'
export { LARS } from './optim/lars.js'
export { LossScale, type LossScaleOptions } from './optim/lossScale.js'
export * from './optim/schedules.js'
export { SGD } from './optim/sgd.js'
export { BarlowTwins, type BarlowTwinsOptions } from './ssl/barlowTwins.js'
export { BatchShuffle } from './ssl/batchShuffle.js'
export { BYOL, type BYOLNetworks, type BYOLOptions } from './ssl/byol.js'
export { ContextPrediction } from './ssl/context.js'
export { DCL, type DCLOptions } from './ssl/dcl.js'
export { DINO, type DINOOptions } from './ssl/dino.js'
export { DirectCopy, type DirectCopyOptions } from './ssl/directcopy.js'
export { DirectPred, type DirectPredOptions } from './ssl/directpred.js'
export { Exemplar, type ExemplarSettings, SurrogateClasses } from './ssl/exemplar.js'
export { Jigsaw } from './ssl/jigsaw.js'
export { barlowTwins } from './ssl/losses/barlowTwins.js'
export { consistency } from './ssl/losses/consistency.js'
export { negativeCosine, normalizedDistance } from './ssl/losses/cosine.js'
export { type DecoupledContrastiveOptions, decoupledContrastive } from './ssl/losses/decoupledContrastive.js'
export { inBatchContrast } from './ssl/losses/inBatchContrast.js'
export { type MaskedSquaredErrorOptions, maskedSquaredError } from './ssl/losses/maskedSquaredError.js'
export { proximal } from './ssl/losses/proximal.js'
export { type SinkhornOptions, sinkhorn } from './ssl/losses/sinkhorn.js'
export { supervisedContrastive } from './ssl/losses/supervisedContrastive.js'
export { meanEntropy, swappedPrediction } from './ssl/losses/swappedPrediction.js'
export { type TicoOptions, tico } from './ssl/losses/tico.js'
export { type VicregTerms, type VicregWeights, vicreg } from './ssl/losses/vicreg.js'
export { type WhitenedDistanceOptions, whiten, whitenedDistance } from './ssl/losses/whiten.js'
export { MAE, type MAEOptions } from './ssl/mae.js'
export { MeanTeacher, type MeanTeacherOptions } from './ssl/meanTeacher.js'
export { MemoryBank, type MemoryBankOptions } from './ssl/memoryBank.js'
export { type Encoder, Method, type MethodOutput } from './ssl/method.js'
export { MoCo, type MoCoOptions } from './ssl/moco.js'
export { MoCoV3, type MoCoV3Options } from './ssl/mocoV3.js'
export { NNCLR, type NNCLROptions } from './ssl/nnclr.js'
export { NPID, type NPIDOptions } from './ssl/npid.js'
export { PatchMask, type PatchMaskOptions } from './ssl/patchMask.js'
export { Queue, type QueueOptions } from './ssl/queue.js'
export { Rotation, type RotationOptions } from './ssl/rotation.js'
export { SimCLR, type SimCLROptions } from './ssl/simclr.js'
export { SimSiam, type SimSiamOptions } from './ssl/simsiam.js'
export { SupCon, type SupConOptions } from './ssl/supcon.js'
export { Supervised, type SupervisedOptions } from './ssl/supervised.js'
export { SwAV, type SwAVOptions } from './ssl/swav.js'
export { TargetNetwork, type TargetOptions } from './ssl/targetNetwork.js'
export { TiCo, type TiCoOptions } from './ssl/tico.js'
export { VICReg, type VICRegOptions } from './ssl/vicreg.js'
export { WMSE, type WMSEOptions } from './ssl/wmse.js'
export { currentDevice, currentPrecision, useDevice, withPrecision } from './tensor/context.js'
export { full, ones, requireGradient, type TensorOptions, tensor, zeros } from './tensor/create.js'
export { Generator } from './tensor/philox.js'
export { keep, scope } from './tensor/scope.js'
export type { Shape } from './tensor/shape.js'
export {
  checkpoint,
  customGradient,
  differentiable,
  grad,
  gradients,
  noGrad,
  stopGradient,
  valueAndGrad,
} from './tensor/tape.js'
export { type Dtype, Tensor, type TypedArray } from './tensor/tensor.js'
export { type Batches, TrainingStep } from './train/step.js'
export { drawView } from './views/draw.js'
export { type ByteImages, colourComponents, type ExemplarOptions, exemplarView } from './views/exemplar.js'
export { type JigsawOptions, jigsaw } from './views/jigsaw.js'
export { dinoViews, type MultiCropOptions, type MultiCropSpecs, multiCrop, swavViews } from './views/multiCrop.js'
export { NEIGHBOURS, type PatchPairOptions, patchPair } from './views/patchPair.js'
export { distantPermutations } from './views/permutations.js'
export { type DrawnViews, independentViews, type ViewPlan } from './views/plan.js'
export {
  byolViews,
  meanTeacherView,
  mocoV1View,
  mocoV2View,
  npidView,
  peerView,
  simclrView,
  supervisedView,
  wholeView,
} from './views/presets.js'
export { quarterTurns } from './views/quarterTurns.js'
export { type SeedPatchOptions, seedPatches } from './views/seedPatches.js'
export { structureOf, type ViewSpec } from './views/spec.js'
export { VIEW_PRESETS, type ViewOptions, type ViewPreset, viewPair } from './views/viewPair.js'
