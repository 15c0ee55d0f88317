// Within `main` of a convolution on lib/matrix_units.wgsl: puts TURN lines of the operand that has the output channels, from
// k0 on, into its tile; load_columns(i) reads four numbers of it, a line of each group after the other. Beyond `end` the
// other operand is 0, and this one any finite number.
    for (var vector = lane; vector < COLUMNS * TURN / 4u; vector += INVOCATIONS) {
      let k = vector / (COLUMNS / 4u);
      let column = vector % (COLUMNS / 4u) * 4u;
      let line = min(k0 + k, end - 1u) * params.groups + group;
      let value = load_columns(line * params.columns + first_column + column);
#for T 0 4
      put_b(column + {{T}}u, k, value[{{T}}]);
#endfor
    }
