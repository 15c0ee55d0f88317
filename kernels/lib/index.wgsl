// The linear number of this invocation or workgroup in a grid that `fold` may have laid over x and y.
fn invocation_index(workgroup: vec3<u32>, workgroups: vec3<u32>, local: u32, size: u32) -> u32 {
  return (workgroup.y * workgroups.x + workgroup.x) * size + local;
}
