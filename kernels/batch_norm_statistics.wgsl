// For each walker and channel, the mean and the sum of squared deviations of its rows of x: eight rows at a time in two
// passes over registers, merged by Chan, Golub & LeVeque (1983), so that nothing is lost where mean >> deviation.
// Parameters: T: vec4<f32> where the channels are a multiple of 4, else f32; columns counts T.
// Workgroup 64, one walker in one column an invocation (lib/walk.wgsl), no barriers; grid fold(⌈walkers·columns / 64⌉),
// z = splits.
// Bindings: x [splits, rows, columns]; partial [splits, 2, walkers, columns]: means, then sums of squares.
#include "lib/index.wgsl"
#include "lib/walk.wgsl"

struct Params { rows: u32, columns: u32, bundle: u32, chunk: u32, walkers: u32 }
@group(0) @binding(0) var<storage, read> x: array<{{T}}>;
@group(0) @binding(1) var<storage, read_write> partial: array<{{T}}>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let at = invocation_index(workgroup, workgroups, local, 64u);
  if (at >= params.walkers * params.columns) { return; }
  let walk = walk_of(at, params.rows, params.columns, params.bundle, params.chunk);
  let step = params.bundle * params.columns;
  var i = (workgroup.z * params.rows + walk.row) * params.columns + walk.column;
  var row = walk.row;
  var count = 0.0;
  var mean = {{T}}(0.0);
  var squares = {{T}}(0.0);
  for (; row + 7u * params.bundle < walk.end; row += 8u * params.bundle) {
#for J 0 8
    let x{{J}} = x[i + {{J}}u * step];
#endfor
    let block_mean = (((x0 + x1) + (x2 + x3)) + ((x4 + x5) + (x6 + x7))) * 0.125;
    var block_squares = {{T}}(0.0);
#for J 0 8
    block_squares += (x{{J}} - block_mean) * (x{{J}} - block_mean);
#endfor
    let delta = block_mean - mean;
    let share = 8.0 / (count + 8.0);
    mean += delta * share;
    squares += block_squares + delta * delta * (count * share);
    count += 8.0;
    i += 8u * step;
  }
  for (; row < walk.end; row += params.bundle) {
    let delta = x[i] - mean;
    count += 1.0;
    mean += delta / count;
    squares += delta * (x[i] - mean);
    i += step;
  }
  let own = (2u * workgroup.z * params.walkers + walk.walker) * params.columns + walk.column;
  partial[own] = mean;
  partial[own + params.walkers * params.columns] = squares;
}
