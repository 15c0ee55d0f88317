// The rows of a matrix [rows, columns] dealt out to walkers; an invocation is one walker in one column. `bundle`
// walkers share a chunk of rows and take every bundle-th of it, so that neighbouring invocations read neighbours,
// even where there are few columns. No row is divided, one division an invocation: integer division is slow.
struct Walk { column: u32, walker: u32, row: u32, end: u32 }

fn walk_of(index: u32, rows: u32, columns: u32, bundle: u32, chunk: u32) -> Walk {
  let walker = index / columns;
  let first = (walker / bundle) * chunk;
  return Walk(index % columns, walker, first + walker % bundle, min(first + chunk, rows));
}

// How many rows a walker takes; the last chunk may leave it none.
fn rows_walked(walker: u32, rows: u32, bundle: u32, chunk: u32) -> u32 {
  let walk = walk_of(walker, rows, 1u, bundle, chunk);
  if (walk.row >= walk.end) { return 0u; }
  return (walk.end - walk.row + bundle - 1u) / bundle;
}
