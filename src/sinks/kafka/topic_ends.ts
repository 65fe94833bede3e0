import type { RecordMetadata } from "kafkajs";
import type { SinkAlarm } from "../../contract/sink.ts";

/**
 * How far the partitions of a topic have got by the brokers' answers. A record that lands before the end of an earlier one
 * shows that those after it are gone: the topic was made anew, or a broker took over that was behind.
 */
export class TopicEnds {
  /** By partition, a lower bound. */
  private readonly ends = new Map<number, number>();

  constructor(private readonly topic: string) {}

  /** Takes in where records were written. Returns the alarm over earlier ones that are gone; undefined: none are. */
  moved(written: readonly RecordMetadata[]): SinkAlarm | undefined {
    let gone = 0;
    for (const { partition, baseOffset } of written) {
      const offset = Number(baseOffset ?? -1);
      // A broker that has had the same records before need not know where they are.
      if (offset < 0) continue;
      gone += Math.max(0, (this.ends.get(partition) ?? 0) - offset);
      this.ends.set(partition, offset + 1);
    }
    if (gone === 0) return undefined;
    return {
      kind: "rows_missing",
      detail: `the topic ${this.topic} ends before records that it has confirmed: ` +
        "it was made anew, or a broker has taken over that was behind",
      count: gone,
    };
  }
}
