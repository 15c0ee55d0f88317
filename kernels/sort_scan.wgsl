// starts[d, b] = Σ over b' < b of counts[d, b'], starts[d, blocks] = the sum of all: the middle of a radix sort pass.
// Workgroup 16, one invocation a digit, one workgroup; blocks is about √count, so that the serial walk is short.
// Bindings: counts u32 [16, blocks], starts u32 [16, blocks + 1].

struct Params { blocks: u32 }
@group(0) @binding(0) var<storage, read> counts: array<u32>;
@group(0) @binding(1) var<storage, read_write> starts: array<u32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(16)
fn main(@builtin(local_invocation_index) d: u32) {
  var total = 0u;
  for (var b = 0u; b < params.blocks; b++) {
    starts[d * (params.blocks + 1u) + b] = total;
    total += counts[d * params.blocks + b];
  }
  starts[d * (params.blocks + 1u) + params.blocks] = total;
}
