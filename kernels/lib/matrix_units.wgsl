// A product on the matrix units that a GPU offers by subgroups, in float16 with sums in float32: what kernels that feed
// them in different ways share. The including file begins with the three `enable`s.
// Tile: 2·R·M × 2·C·N outputs a workgroup of four subgroups, two by two, each with R × C matrices of M × N sums; S matrices
// of K a turn. Operands lie in workgroup memory one matrix after the other: [matrix along k][row or column][k],
// 2·S·K·(R·M + C·N)·2 bytes. Sums leave through 16·M·N bytes more.
// Parameters: M, N, K of the matrix units; LANES of a subgroup; R, C, S.
// Needs shader-f16, subgroups and chromium-experimental-subgroup-matrix, whose types are named <element, columns, rows>.
const ROWS = {{2 * R * M}}u;
const COLUMNS = {{2 * C * N}}u;
// Values of k a turn, and invocations.
const TURN = {{S * K}}u;
const INVOCATIONS = {{4 * LANES}}u;
var<workgroup> tile_a: array<f16, {{2 * R * M * S * K}}>;
var<workgroup> tile_b: array<f16, {{2 * C * N * S * K}}>;
var<workgroup> sums: array<f32, {{4 * M * N}}>;

fn put_a(row: u32, k: u32, value: f32) { tile_a[(k / {{K}}u * ROWS + row) * {{K}}u + k % {{K}}u] = f16(value); }
fn put_b(column: u32, k: u32, value: f32) { tile_b[(k / {{K}}u * COLUMNS + column) * {{K}}u + k % {{K}}u] = f16(value); }
