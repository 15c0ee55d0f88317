/** Tables in plain text, for a terminal, and in Markdown. */

/** Columns are as wide as their widest cell. The first row is the head. */
export function table(rows: readonly (readonly string[])[], sides: readonly ('left' | 'right')[] = ['left']): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => row[column]!.length)))
  const cell = (text: string, i: number) => (sides[i] === 'left' ? text.padEnd(widths[i]!) : text.padStart(widths[i]!))
  const line = (row: readonly string[]) => row.map(cell).join('   ').trimEnd()
  const rule = '─'.repeat(widths.reduce((sum, width) => sum + width + 3, -3))
  const [head, ...body] = rows
  return [line(head!), rule, ...body.map(line)].join('\n')
}

/** The same rows in Markdown. */
export function markdownTable(rows: readonly (readonly string[])[]): string {
  const [head, ...body] = rows
  const line = (row: readonly string[]) => `| ${row.join(' | ')} |`
  return [line(head!), line(head!.map(() => '---')), ...body.map(line)].join('\n')
}

/** An accuracy in per cent, or a dash where there is none. */
export function percent(accuracy: number | null): string {
  return accuracy === null ? '–' : `${(100 * accuracy).toFixed(1)} %`
}
