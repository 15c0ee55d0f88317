import type { LaunchTime } from '../../device/device.js'
import { slicesOf } from '../../device/launch.js'
import { shapeOf } from './shapeOf.js'

/** A `complete` event; times in microseconds. */
interface TraceEvent {
  readonly name: string
  readonly ph: 'X'
  readonly ts: number
  readonly dur: number
  readonly pid: number
  readonly tid: number
  readonly args: Readonly<Record<string, string | number>>
}

/**
 * Launch times in the trace event format, which chrome://tracing, Perfetto and speedscope open:
 * https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
 * The first launch begins at 0.
 *
 * @param queue what the one lane of the trace is called
 */
export function chromeTrace(times: readonly LaunchTime[], queue: string): object {
  const start = times[0]?.begin ?? 0
  const events = times.map(({ launch, begin, end }): TraceEvent => {
    const bytes = slicesOf(launch).reduce((sum, slice) => sum + slice.bytes, 0)
    return {
      name: launch.op,
      ph: 'X',
      ts: (begin - start) / 1000,
      dur: (end - begin) / 1000,
      pid: 1,
      tid: 1,
      args: { shape: shapeOf(launch), bytes },
    }
  })
  const name = { name: 'thread_name', ph: 'M', pid: 1, tid: 1, args: { name: queue } }
  return { displayTimeUnit: 'ms', traceEvents: [name, ...events] }
}
