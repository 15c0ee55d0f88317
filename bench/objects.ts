/** Objects that WebGPU makes, counted at the prototypes that Dawn shares with every device. */

type Methods = Record<string, (...args: unknown[]) => unknown>

/** How many GPU objects are made while `body` runs; null where the process has no WebGPU. */
export async function countObjects(body: () => Promise<unknown>): Promise<number | null> {
  const classes = globalThis as unknown as Record<string, { prototype: Methods } | undefined>
  const makers = [
    ...methodsOf(classes.GPUDevice?.prototype, /^create/),
    ...methodsOf(classes.GPUCommandEncoder?.prototype, /^(begin|finish)/),
  ]
  if (makers.length === 0) return null
  let made = 0
  for (const [prototype, name, method] of makers) {
    prototype[name] = function (this: unknown, ...args: unknown[]) {
      made++
      return method.apply(this, args)
    }
  }
  try {
    await body()
  } finally {
    for (const [prototype, name, method] of makers) prototype[name] = method
  }
  return made
}

function methodsOf(prototype: Methods | undefined, names: RegExp): [Methods, string, Methods[string]][] {
  if (!prototype) return []
  return Object.getOwnPropertyNames(prototype)
    .filter(name => names.test(name))
    .map(name => [prototype, name, prototype[name]!] as [Methods, string, Methods[string]])
}
