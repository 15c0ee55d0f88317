// One pixel of an image with CHANNELS channels (1: grey, 3: RGB), values in [0, 1].
#if CHANNELS == 1
alias Pixel = f32;
#else
alias Pixel = vec3<f32>;
#endif

// Brightness as the eye sees it (ITU-R BT.601, what PIL and torchvision call greyscale).
fn luma(p: Pixel) -> f32 {
#if CHANNELS == 1
  return p;
#else
  return 0.299 * p.x + 0.587 * p.y + 0.114 * p.z;
#endif
}

fn average(p: Pixel) -> f32 {
#if CHANNELS == 1
  return p;
#else
  return (p.x + p.y + p.z) / 3.0;
#endif
}

// (p - mean) / deviation, channel by channel.
fn normalise(p: Pixel, mean: vec3<f32>, deviation: vec3<f32>) -> Pixel {
#if CHANNELS == 1
  return (p - mean.x) / deviation.x;
#else
  return (p - mean) / deviation;
#endif
}

// Inverts what is at least as bright as the threshold.
fn solarise(p: Pixel, threshold: f32) -> Pixel {
  return select(p, Pixel(1.0) - p, p >= Pixel(threshold));
}
