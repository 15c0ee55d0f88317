// Where an invocation of a stream (lib/stream.wgsl) is along RANK axes, the last one fastest. Integer division is slow,
// so it divides once, and then counts on by WORKGROUP elements like a mileage counter. Wants params.size_1 and so on:
// the size of each axis but the first.
var<private> place: array<u32, {{RANK}}>;
var<private> pace: array<u32, {{RANK}}>;

fn place_at(i: u32) {
  var rest = i;
  var step = {{WORKGROUP}}u;
#for I 1 {{RANK}}
  place[{{RANK - I}}] = rest % params.size_{{RANK - I}};
  pace[{{RANK - I}}] = step % params.size_{{RANK - I}};
  rest = rest / params.size_{{RANK - I}};
  step = step / params.size_{{RANK - I}};
#endfor
  place[0] = rest;
  pace[0] = step;
}

fn next_place() {
  var carry = 0u;
#for I 1 {{RANK}}
  place[{{RANK - I}}] += pace[{{RANK - I}}] + carry;
  carry = select(0u, 1u, place[{{RANK - I}}] >= params.size_{{RANK - I}});
  place[{{RANK - I}}] -= carry * params.size_{{RANK - I}};
#endfor
  place[0] += pace[0] + carry;
}
