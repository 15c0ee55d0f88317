// Philox 4x32-10 (Salmon, Moraes, Dror & Shaw 2011), the same bits as src/tensor/philox.ts.
// philox(counter, key): counter = (block low, block high, stream low, stream high), key = (seed low, seed high).

// The upper 32 bits of a product; WGSL has no 64-bit integers, so from 16-bit halves.
fn philox_multiply_high(a: u32, b: u32) -> u32 {
  let a_low = a & 0xffffu;
  let a_high = a >> 16u;
  let b_low = b & 0xffffu;
  let b_high = b >> 16u;
  let middle = a_high * b_low + ((a_low * b_low) >> 16u);
  return a_high * b_high + (middle >> 16u) + ((a_low * b_high + (middle & 0xffffu)) >> 16u);
}

fn philox(counter: vec4<u32>, key: vec2<u32>) -> vec4<u32> {
  var c = counter;
  var k = key;
  for (var round = 0; round < 10; round++) {
    let high0 = philox_multiply_high(0xd2511f53u, c.x);
    let low0 = 0xd2511f53u * c.x;
    let high1 = philox_multiply_high(0xcd9e8d57u, c.z);
    let low1 = 0xcd9e8d57u * c.z;
    c = vec4<u32>(high1 ^ c.y ^ k.x, low1, high0 ^ c.w ^ k.y, low0);
    k += vec2<u32>(0x9e3779b9u, 0xbb67ae85u);
  }
  return c;
}

// A float in [0, 1) from the upper 24 bits of a word; exact, so the same as uniformFloat32 of src/tensor/philox.ts.
fn uniform_float32(word: u32) -> f32 {
  return f32(word >> 8u) * 5.9604644775390625e-8;
}
