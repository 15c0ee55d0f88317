// Within `main` of the convolution kernels, before they store, if NORM: the batch norm on sumI_J of R rows, the four
// channels from columnJ on. The mean is subtracted first, as in batch_norm.wgsl.
#if NORM
#for J 0 {{C}}
  let channel{{J}} = group * params.columns + column{{J}};
  let mean{{J}} = coefficients_of(0u, channel{{J}});
  let factor{{J}} = coefficients_of(2u, channel{{J}});
  let beta{{J}} = coefficients_of(3u, channel{{J}});
#for I 0 {{R}}
  sum{{I}}_{{J}} = (sum{{I}}_{{J}} - mean{{J}}) * factor{{J}} + beta{{J}};
#endfor
#endfor
#endif
