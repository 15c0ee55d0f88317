// The key of a sort by row: the row of `indices[at]`, or `rows` for an index outside, so that those come last.
fn row_of(index: i32, rows: u32) -> u32 {
  // A negative index is a large unsigned one.
  return min(u32(index), rows);
}
