// A row that TEAM invocations share, a power of two: each visits every TEAM-th element, and a sum or maximum of what they
// found is a tree, the upper half of the team joining the lower until one is left. Alone, where TEAM is 1, an invocation
// needs no barrier, which a software adapter takes long for. With SUBGROUPS, where a subgroup has at least TEAM
// invocations, halves meet by shuffling, in the same order: the bits are those of the tree in workgroup memory (1 KB).
// Elements are of type T, WIDTH (4 or 1) numbers; `local` is the invocation's number in a workgroup of WORKGROUP.
// Planned by `teamOf` (ops/team.ts).
#if TEAM == 1
fn team_sum(value: f32, local: u32) -> f32 { return value; }
fn team_largest(value: f32, local: u32) -> f32 { return value; }
#else
#if SUBGROUPS
fn team_sum(value: f32, local: u32) -> f32 {
  var total = value;
  for (var width = {{TEAM}}u / 2u; width > 0u; width /= 2u) { total += subgroupShuffleXor(total, width); }
  return total;
}
fn team_largest(value: f32, local: u32) -> f32 {
  var total = value;
  for (var width = {{TEAM}}u / 2u; width > 0u; width /= 2u) { total = max(total, subgroupShuffleXor(total, width)); }
  return total;
}
#else
var<workgroup> team_values: array<f32, {{WORKGROUP}}>;

fn team_sum(value: f32, local: u32) -> f32 {
  team_values[local] = value;
  for (var width = {{TEAM}}u / 2u; width > 0u; width /= 2u) {
    workgroupBarrier();
    if (local % {{TEAM}}u < width) { team_values[local] += team_values[local + width]; }
  }
  workgroupBarrier();
  let total = team_values[local - local % {{TEAM}}u];
  workgroupBarrier();
  return total;
}

fn team_largest(value: f32, local: u32) -> f32 {
  team_values[local] = value;
  for (var width = {{TEAM}}u / 2u; width > 0u; width /= 2u) {
    workgroupBarrier();
    if (local % {{TEAM}}u < width) { team_values[local] = max(team_values[local], team_values[local + width]); }
  }
  workgroupBarrier();
  let total = team_values[local - local % {{TEAM}}u];
  workgroupBarrier();
  return total;
}
#endif
#endif

#if WIDTH == 4
fn sum_of(value: vec4<f32>) -> f32 { return (value.x + value.y) + (value.z + value.w); }
fn largest_of(value: vec4<f32>) -> f32 { return max(max(value.x, value.y), max(value.z, value.w)); }
#else
fn sum_of(value: f32) -> f32 { return value; }
fn largest_of(value: f32) -> f32 { return value; }
#endif
