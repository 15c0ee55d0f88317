// The operands of lib/multiply_tiles.wgsl in workgroup memory, 16 values of k: 8·Y rows and 32·C columns as vec4s.
// One vec4 more than a line is long: else the blocks of neighbouring invocations would meet in the same bank.
const A_PITCH = {{2 * Y + 1}}u;
const B_PITCH = {{8 * C + 1}}u;
var<workgroup> tile_a: array<vec4<f32>, {{16 * (2 * Y + 1)}}>;
var<workgroup> tile_b: array<vec4<f32>, {{16 * (8 * C + 1)}}>;
