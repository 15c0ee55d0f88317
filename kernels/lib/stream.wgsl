// How a kernel shares out the `count` elements of its Params: a workgroup takes a stretch of WORKGROUP · each, an
// invocation every WORKGROUP-th of these, so that neighbouring invocations touch neighbouring memory:
//   let part = stretch(workgroup, workgroups, local);
//   for (var i = part.begin; i < part.end; i += WORKGROUP) { … }
// Planned by `stream` (device/webgpu/plan.ts), which says why. Wants u32 params.count and params.each.
struct Stretch { begin: u32, end: u32 }

fn stretch(workgroup: vec3<u32>, workgroups: vec3<u32>, local: u32) -> Stretch {
  let first = (workgroup.y * workgroups.x + workgroup.x) * {{WORKGROUP}}u * params.each;
  return Stretch(first + local, min(first + {{WORKGROUP}}u * params.each, params.count));
}
