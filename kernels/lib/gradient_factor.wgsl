// Within `main` of an optimiser's kernel, before its loop: what the gradient is multiplied by. With SCALED that is
// scaling[0], one over the scale of the loss, or 0 where a gradient overflowed: then nothing is done.
#if SCALED
  let factor = scaling[0];
  if (factor == 0.0) { return; }
#else
  let factor = 1.0;
#endif
