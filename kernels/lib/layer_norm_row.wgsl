// Within `main` of the kernels of layer norm: the row of a team (lib/team.wgsl), where it begins in x, and its first value,
// which is subtracted from all others before anything is summed.
  let row = invocation_index(workgroup, workgroups, local, {{WORKGROUP}}u) / {{TEAM}}u;
  let lane = local % {{TEAM}}u;
#if TEAM == 1
  if (row >= params.rows) { return; }
#endif
  // Teams past the last row take part in the barriers, and have no columns.
  let columns = select(0u, params.columns, row < params.rows);
  let safe = min(row, params.rows - 1u);
  let begin = safe * params.columns;
  let size = f32({{WIDTH}}u * params.columns);
#if WIDTH == 4
  let first = x[begin].x;
#else
  let first = x[begin];
#endif
