// out[b] = page[indices[b] - first] for the images that lie in this page, 0 <= indices[b] - first < images; the others
// are left to the launches of the other pages.
//
// One invocation makes one word, four bytes. WHOLE: an image is a whole number of words, which are copied. Otherwise a
// word may hold the end of one image and the beginning of the next, and its bytes are put together one by one.
// Workgroup 64, grid ⌈words / 64⌉ folded, words = ⌈batch · image bytes / 4⌉.
// Bindings: page u8 [images, image bytes]; indices i32 [batch]; out u8 [batch, image bytes].
#include "lib/index.wgsl"

struct Params { words: u32, bytes: u32, image_bytes: u32, first: i32, images: i32 }
@group(0) @binding(0) var<storage, read> page: array<u32>;
@group(0) @binding(1) var<storage, read> indices: array<i32>;
@group(0) @binding(2) var<storage, read_write> out: array<u32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let word = invocation_index(workgroup, workgroups, local, 64u);
  if (word >= params.words) { return; }
#if WHOLE
  let image_words = params.image_bytes / 4u;
  let image = indices[word / image_words] - params.first;
  if (image >= 0 && image < params.images) {
    out[word] = page[u32(image) * image_words + word % image_words];
  }
#else
  var bits = out[word];
  for (var at = 4u * word; at < min(4u * word + 4u, params.bytes); at++) {
    let image = indices[at / params.image_bytes] - params.first;
    if (image < 0 || image >= params.images) { continue; }
    let source = u32(image) * params.image_bytes + at % params.image_bytes;
    let byte = (page[source / 4u] >> (8u * (source % 4u))) & 255u;
    let shift = 8u * (at % 4u);
    bits = (bits & ~(255u << shift)) | (byte << shift);
  }
  out[word] = bits;
#endif
}
