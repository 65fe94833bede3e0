import type { RecordMetadata } from "kafkajs";
import type { SinkAlarm } from "../../contract/sink.ts";

/**
 * The ends of a topic's partitions, by the brokers' answers. A record with a smaller offset than an earlier
 * one shows that records are lost: the topic was created again, or a broker that was behind has taken over.
 */
export class TopicEnds {
  /** A lower bound of the end, by partition. */
  private readonly ends = new Map<number, number>();

  constructor(private readonly topic: string) {}

  /**
   * Notes where records were written. Returns the alarm over lost earlier records; undefined: none are lost.
   */
  moved(written: readonly RecordMetadata[]): SinkAlarm | undefined {
    let gone = 0;
    for (const { partition, baseOffset } of written) {
      const offset = Number(baseOffset ?? -1);
      // A broker that gets the same records again need not return their offsets.
      if (offset < 0) continue;
      gone += Math.max(0, (this.ends.get(partition) ?? 0) - offset);
      this.ends.set(partition, offset + 1);
    }
    if (gone === 0) return undefined;
    return {
      kind: "rows_missing",
      detail: `the topic ${this.topic} ends before records that it has confirmed: ` +
        "it was created again, or a broker has taken over that was behind",
      count: gone,
    };
  }
}
