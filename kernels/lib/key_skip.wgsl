// Similarities of key number first + j where the row does not skip it, else so low that the exponential is 0 even beside
// -1e30, which `largest` begins with. Wants lib/key_similarity.wgsl, params.first; SKIP: each row skips the key that is
// `given` in skip [rows], or `itself`, `first` being counted from the first row.
fn counted(j: u32, quad: u32, skipped: vec4<i32>) -> vec4<f32> {
#if SKIP
  let skips = skipped == vec4<i32>(params.first + i32(j));
  return select(similarity(j, quad), vec4<f32>(-3e38), skips);
#else
  return similarity(j, quad);
#endif
}

// What the four rows of a quad skip; rows past the end repeat the last one.
fn skipped_by(quad: u32) -> vec4<i32> {
  let i = min(4u * quad + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(params.rows - 1u));
#if SKIP == given
  return vec4<i32>(skip[i.x], skip[i.y], skip[i.z], skip[i.w]);
#else
  return vec4<i32>(i);
#endif
}
