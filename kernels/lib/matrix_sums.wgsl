// Within `main` of a kernel on lib/matrix_units.wgsl: this subgroup's sums, and the corner of them in the tile.
  let own_row = subgroup / 2u * {{R * M}}u;
  let own_column = subgroup % 2u * {{C * N}}u;
#for I 0 {{R}}
#for J 0 {{C}}
  var sum{{I}}_{{J}}: subgroup_matrix_result<f32, {{N}}, {{M}}>;
#endfor
#endfor
