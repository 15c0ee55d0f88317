// Writes the table of shares in docs/kernels.md from a record of the benchmark, after a build:
//   node scripts/shares.mjs [bench/results/llvmpipe.json]
import { readFileSync, writeFileSync } from 'node:fs'
import { readRecord } from '../dist/bench/record.js'
import { withShares } from '../dist/bench/shares.js'

const page = new URL('../docs/kernels.md', import.meta.url)
const record = readRecord(process.argv[2] ?? 'bench/results/llvmpipe.json')
writeFileSync(page, withShares(readFileSync(page, 'utf8'), record))
