// What the convolution kernels with workgroup memory share: the long axis of the implicit product, all taps and their
// channels in one line, and what x is there. Needs lib/convolution.wgsl.
// A value of k: a tap (s, t) and a channel.
struct Place { s: i32, t: i32, d: u32 }

// Without a division: one step mostly, because depth is mostly more than a turn is long.
fn advance(place: Place, by: u32) -> Place {
  var next = place;
  next.d += by;
  for (; next.d >= params.depth; next.d -= params.depth) {
    next.t++;
    if (next.t == params.taps_x) {
      next.t = 0;
      next.s++;
    }
  }
  return next;
}

// The source pixel of tap (0, 0), in lines of all images. Beyond the last row it is outside of every image.
struct Origin { lines: u32, y: i32, x: i32 }

fn origin_of(row: u32) -> Origin {
  let pixel = pixel_of(row);
  let y = i32(pixel.i) * params.scale_y + params.base_y;
  return Origin(pixel.image * params.source_height, select(-0x40000000, y, row < params.rows),
    i32(pixel.j) * params.scale_x + params.base_x);
}

#if VEC_X
fn load_source(origin: Origin, group: u32, place: Place) -> vec4<f32> {
#else
fn load_source(origin: Origin, group: u32, place: Place) -> f32 {
#endif
  let y = u32(origin.y + place.s * params.step_y);
  let x_ = u32(origin.x + place.t * params.step_x);
  let inside = y < params.source_height && x_ < params.source_width && place.s < params.taps_y;
  let pixel = (origin.lines + y) * params.source_width + x_;
  let at = select(0u, (pixel * params.groups + group) * params.depth + place.d, inside);
#if VEC_X
  return select(vec4<f32>(0.0), operands(x[at >> 2u]), inside);
#else
  return select(0.0, operand(x[at]), inside);
#endif
}
