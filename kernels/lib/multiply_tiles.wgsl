// Within `main`: one turn of a product of lib/tiles.wgsl, 16 values of k: 8 rows × 4·C columns an invocation, as
// two runs of four rows, 4·Y apart, and C runs of four columns, 32 apart, so that neighbours read neighbouring vec4s.
// Wants tile_a [16][A_PITCH] and tile_b [16][B_PITCH] to be filled, and sums sumI_J.
    workgroupBarrier();
    for (var k = 0u; k < 16u; k++) {
#for I 0 2
      let rows{{I}} = tile_a[k * A_PITCH + local.y + {{Y * I}}u];
#endfor
#for J 0 {{C}}
      let columns{{J}} = tile_b[k * B_PITCH + local.x + {{8 * J}}u];
#endfor
#for I 0 8
#for J 0 {{C}}
      sum{{I}}_{{J}} += rows{{I / 4}}[{{I - I / 4 * 4}}] * columns{{J}};
#endfor
#endfor
    }
    workgroupBarrier();
