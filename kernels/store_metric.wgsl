// ring[(counter[2] mod rows), column] = value[0]: a scalar of this step, kept until the host reads several at once.
// One invocation; grid 1. Bindings: value [1], counter [4] (seed low, seed high, step, 0), ring [rows, columns].
struct Params { rows: u32, columns: u32, column: u32 }
@group(0) @binding(0) var<storage, read> value: array<f32>;
@group(0) @binding(1) var<storage, read> counter: array<u32>;
@group(0) @binding(2) var<storage, read_write> ring: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(1)
fn main() {
  ring[(counter[2] % params.rows) * params.columns + params.column] = value[0];
}
