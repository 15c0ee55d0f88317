// Within `main` of a kernel on lib/matrix_units.wgsl: one turn, TURN values of k that were put into both tiles.
    workgroupBarrier();
#for Q 0 {{S}}
    {
#for J 0 {{C}}
      let right{{J}} = subgroupMatrixLoad<subgroup_matrix_right<f16, {{N}}, {{K}}>, col_major>(
        &tile_b, ({{Q * 2 * C * N + J * N}}u + own_column) * {{K}}u, {{K}}u);
#endfor
#for I 0 {{R}}
      let left{{I}} = subgroupMatrixLoad<subgroup_matrix_left<f16, {{K}}, {{M}}>, row_major>(
        &tile_a, ({{Q * 2 * R * M + I * M}}u + own_row) * {{K}}u, {{K}}u);
#for J 0 {{C}}
      sum{{I}}_{{J}} = subgroupMatrixMultiplyAccumulate(left{{I}}, right{{J}}, sum{{I}}_{{J}});
#endfor
#endfor
    }
#endfor
    workgroupBarrier();
