import { endsUpTo } from "../../bus/raw_events.ts";
import type { RecordRun } from "./decoder.ts";

const RUN_MAX_BYTES = 1024 * 1024;

/** The same records in runs of at most `RUN_MAX_BYTES`, or of one record where that is larger. */
export function* partsOf(run: RecordRun): Generator<RecordRun> {
  const { bytes, ends } = run.records;
  if (bytes.length <= RUN_MAX_BYTES) return yield run;
  for (let from = 0, to = 0; from < ends.length; from = to) {
    const start = from === 0 ? 0 : ends[from - 1]! + 1;
    to = Math.max(from + 1, endsUpTo(ends, start + RUN_MAX_BYTES));
    const records = {
      bytes: bytes.subarray(start, ends[to - 1]),
      ends: ends.slice(from, to).map((end) => end - start),
    };
    yield { ...run, records, decoded: undefined };
  }
}
