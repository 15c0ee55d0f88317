// Within `main` of a kernel on lib/matrix_units.wgsl: its outputs, by store_sums(corner, row, column, four values), where
// row and column are those of the tile. One matrix of every subgroup at a time, four outputs an invocation.
#for I 0 {{R}}
#for J 0 {{C}}
  subgroupMatrixStore<row_major>(&sums, subgroup * {{M * N}}u, sum{{I}}_{{J}}, {{N}}u);
  workgroupBarrier();
  for (var vector = lane; vector < {{M * N}}u; vector += {{4 * LANES}}u) {
    let whose = vector / {{M * N / 4}}u;
    let row = vector % {{M * N / 4}}u / {{N / 4}}u + {{I * M}}u + whose / 2u * {{R * M}}u;
    let column = vector % {{N / 4}}u * 4u + {{J * N}}u + whose % 2u * {{C * N}}u;
    let value = vec4<f32>(sums[4u * vector], sums[4u * vector + 1u], sums[4u * vector + 2u], sums[4u * vector + 3u]);
    store_sums(corner, row, column, value);
  }
  workgroupBarrier();
#endfor
#endfor
