import { type Aggregate, describeSeries } from "../aggregation/aggregate.ts";
import type { Contradiction, SinkAlarm } from "../contract/sink.ts";
import type { Logger } from "../platform/log/logger.ts";
import { wayOut } from "../state/alarms.ts";
import type { Outbox } from "../state/outbox/outbox.ts";

/** Characters of a name in messages. */
const SHOWN_NAME = 100;

/** Alarms over the aggregates in a sink, reported once and kept until they are settled. */
export class SinkAlarms {
  constructor(
    private readonly sink: string,
    private readonly outbox: Outbox,
    private readonly logger: Logger,
  ) {}

  raise(alarm: SinkAlarm): void {
    const isNews = this.outbox.alarm(this.sink, alarm);
    if (!isNews) return;
    this.logger.error(
      `ALARM: ${alarm.detail}. Delivery goes on. What to do: ${wayOut(this.sink, alarm.kind)}.`,
      {
        sink: this.sink,
        alarm: alarm.kind,
        rows: alarm.count,
      },
    );
  }

  /**
   * Raises an alarm over aggregates that somebody else has written. One with a higher revision may be this
   * state's own: from a batch that is written again, or from a dead letter that is delivered late.
   */
  contradicted(found: readonly Contradiction[]): void {
    const foreign = found.filter(({ written, held }) =>
      held.revision === written.revision || this.outbox.isOwn(held) === false
    );
    const [first] = foreign;
    if (first === undefined) return;
    const { written, held } = first;
    this.raise({
      kind: "rows_differ",
      detail:
        `it holds ${described(held)}, which was to become ${
          described(written)
        }: somebody else has written or ` +
        "changed it",
      count: foreign.length,
    });
  }
}

function described(row: Aggregate): string {
  const { name, windowStartMs, value, count, revision } = row;
  const series = describeSeries({ ...row, name: name.slice(0, SHOWN_NAME) });
  return `${series} of ${
    new Date(windowStartMs).toISOString()
  } = ${value} of ${count} events, revision ${revision}`;
}
