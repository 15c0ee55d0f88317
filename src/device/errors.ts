/**
 * The errors that selfsame throws. Each carries its facts as fields, so that a caller can act on them without
 * reading the message, and each message says what was wanted, what came, and what to do.
 */
export class SelfsameError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
  }
}

/** Shapes that do not fit: `conv2d: filter [3,3,32,64] wants 32 input channels, got x [8,28,28,16]`. */
export class ShapeError extends SelfsameError {}

/** An element type that the operation does not take. */
export class DtypeError extends SelfsameError {}

/** The device refused a launch, ran out of memory, or could not be opened. */
export class DeviceError extends SelfsameError {}

/** The device is gone (driver reset, process lost its GPU). Everything on it is lost; resume from a checkpoint. */
export class DeviceLostError extends DeviceError {}

/** A gradient was asked for where there is none. */
export class GradientError extends SelfsameError {}

/** A tensor was used after its scope ended or after `dispose()`. */
export class DisposedError extends SelfsameError {}

/** Files or data sets that cannot be read as what they claim to be. */
export class DataError extends SelfsameError {}

/** An option that does not exist, is out of range, or does not go with another one. */
export class ConfigError extends SelfsameError {}

/** Numbers that nothing can go on with: a matrix that is not symmetric, positive definite or finite, a loss that is NaN. */
export class NumericError extends SelfsameError {}
