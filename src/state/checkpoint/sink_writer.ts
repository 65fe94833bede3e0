import { type SinkRegistry, writeSink } from "../outbox/sink_registry.ts";
import type { RegisteredSink, SinkCounts } from "../outbox/registered_sink.ts";
import { lengthOf } from "../../aggregation/tier.ts";
import type { WindowKey } from "../outbox/expected_rows.ts";
import { addRouted } from "../outbox/sink_tiers.ts";
import type { StateDatabase } from "../file/state_database.ts";
import type { Closed } from "./closed.ts";

/** The counts of each sink after a checkpoint. */
export type CountsOfSinks = ReadonlyMap<RegisteredSink, SinkCounts>;

/** Writes the cursor and the counts of each sink. */
export class SinkWriter {
  constructor(private readonly state: StateDatabase, private readonly registry: SinkRegistry) {}

  /**
   * Writes within the transaction of the checkpoint.
   *
   * @param lacking Events, by sink, that the sink has refused for good and that are final.
   * @param writtenOff The window that these are of; undefined: there are none.
   */
  write(
    closed: Closed,
    lacking: ReadonlyMap<string, number>,
    writtenOff: WindowKey | undefined,
  ): CountsOfSinks {
    const { registry, state } = this;
    return new Map([...registry.sinks, ...registry.absent].map((sink) => {
      const { id: name, routedCount, givenUpCount, purgedCount } = sink;
      const lacks = lacking.get(name) ?? 0;
      for (const [lengthMs, events] of closed.routedByLength.get(name) ?? []) {
        addRouted(state, name, lengthMs, events);
      }
      if (writtenOff !== undefined) addRouted(state, name, lengthOf(writtenOff), -lacks);
      const counts = {
        routedCount: routedCount + (closed.routed.get(name) ?? 0) - lacks,
        givenUpCount: givenUpCount - (closed.recovered.get(name) ?? 0),
        purgedCount: purgedCount + lacks,
      };
      writeSink(state, sink, counts);
      return [sink, counts];
    }));
  }

  committed(counts: CountsOfSinks): void {
    for (const [sink, ofSink] of counts) Object.assign(sink, ofSink);
  }
}
