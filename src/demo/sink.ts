import type { Aggregate } from "../aggregation/aggregate.ts";
import { SinkError } from "../contract/sink.ts";
import type { ReadBack } from "../contract/read_back.ts";
import { GATEWAY_NAME } from "./gateway.ts";
import { PLAIN_SENSOR } from "./plant.ts";
import { rowKey } from "../state/outbox/expected_rows.ts";

/** A row before and after a correction by late events. */
export interface Correction {
  readonly before: Aggregate;
  readonly after: Aggregate;
}

const SHOWN_AGGREGATES = 10;
/** Rows that are remembered, to show what a correction has changed: some 20 windows of the demo. */
const REMEMBERED_ROWS = 2000;

/** Whether a correction has changed the value. Not every late event does: it seldom changes a minimum. */
function isTelling(correction: Correction | undefined): boolean {
  return correction !== undefined && correction.before.value !== correction.after.value;
}

/** Reads what has arrived in the demo's sink. */
export class DemoSink {
  private remembered = new Map<string, Aggregate>();

  constructor(private readonly readBack: ReadBack, private readonly instance: string) {}

  /**
   * The newest rows, and a correction since the last call, if there is one: the newest that has changed a
   * value, else another.
   */
  async look(
    signal: AbortSignal,
  ): Promise<{ newest: readonly Aggregate[]; correction: Correction | undefined }> {
    const rows = await this.read(signal);
    let correction: Correction | undefined;
    const seen = new Map<string, Aggregate>();
    for (const after of rows) {
      const key = `${after.windowStartMs} ${after.windowEndMs} ${rowKey(after)}`;
      const before = this.remembered.get(key);
      if (before !== undefined && before.revision < after.revision && !isTelling(correction)) {
        correction = { before, after };
      }
      seen.set(key, after);
    }
    if (rows.length > 0) this.remembered = seen;
    return { newest: shown(rows), correction };
  }

  private async read(signal: AbortSignal): Promise<readonly Aggregate[]> {
    try {
      return await this.readBack.newest!(this.instance, REMEMBERED_ROWS, signal);
    } catch (error) {
      if (!(error instanceof SinkError)) throw error;
      // The sink has not created its file yet, or is writing it. The rows are shown a second later.
      return [];
    }
  }
}

/** Of each interval the newest of the sensor with several functions and of the gateway; then the others. */
function shown(rows: readonly Aggregate[]): Aggregate[] {
  const lengthOf = ({ windowStartMs, windowEndMs }: Aggregate) => windowEndMs - windowStartMs;
  const lengths = [...new Set(rows.map(lengthOf))].sort((a, b) => a - b);
  const newestOf = (wanted: string, length: number) => {
    const found = rows.filter((row) => row.name === wanted && lengthOf(row) === length);
    return found.filter(({ windowStartMs }) => windowStartMs === found[0]!.windowStartMs);
  };
  const first = lengths.flatMap((length) => [
    ...newestOf(PLAIN_SENSOR, length),
    ...newestOf(GATEWAY_NAME, length).slice(0, 1),
  ]);
  return [...first, ...rows.filter((row) => !first.includes(row))].slice(0, SHOWN_AGGREGATES);
}
