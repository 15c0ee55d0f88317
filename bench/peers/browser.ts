import { dawn } from '../../src/device/node.js'

/**
 * Makes this process look like a browser with WebGPU to libraries that were written for one. `software` leads them to
 * the software adapter even where there is a hardware one.
 *
 * @returns what undoes it
 */
export function actAsBrowser(software: boolean): () => void {
  const gpu = dawn()
  const before = Object.getOwnPropertyDescriptor(globalThis, 'navigator')
  const value = {
    userAgent: 'node',
    hardwareConcurrency: 1,
    gpu: {
      wgslLanguageFeatures: gpu.wgslLanguageFeatures,
      getPreferredCanvasFormat: () => gpu.getPreferredCanvasFormat(),
      requestAdapter: (options: GPURequestAdapterOptions = {}) =>
        gpu.requestAdapter(software ? { ...options, forceFallbackAdapter: true } : options),
    },
  }
  Object.defineProperty(globalThis, 'navigator', { value, configurable: true, writable: true })
  return () => {
    if (before) Object.defineProperty(globalThis, 'navigator', before)
    else Reflect.deleteProperty(globalThis, 'navigator')
  }
}
