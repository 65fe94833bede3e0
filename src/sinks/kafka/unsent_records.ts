import type { PartitionMetadata, Producer, RecordMetadata } from "kafkajs";
import type { Clock } from "../../platform/clock/clock.ts";
import type { PartitionRecords, RecordRun } from "./encoded_records.ts";
import { pauseMs } from "./kafka_patience.ts";
import { asMessages } from "./kafka_produce.ts";

const NEVER = new AbortController().signal;

/** What kafkajs throws where another attempt may help, once it has made all attempts that it may make. */
const PASSING = "KafkaJSNumberOfRetriesExceeded";

/** Records by the numbers of their partitions. */
type Taken = Record<number, PartitionRecords>;

/** How records are sent. */
export interface Sending {
  /** The producer, or a transaction of it. It makes one attempt. */
  readonly to: Pick<Producer, "send">;
  readonly topic: string;
  readonly clock: Pick<Clock, "sleep">;
  /** Whether no further attempt is wanted. */
  readonly isOver: () => boolean;
}

/**
 * Those of the records of a run that no broker has confirmed.
 *
 * kafkajs 2.2.4 notes which brokers have answered, and not which partitions have been written. Where the
 * leader of a partition moves to a broker that has answered for others, it takes its records for written. And
 * where one broker fails before another has answered, it sends that one its records twice. So a call of it is
 * about the partitions of one leader, with one attempt; and a partition is sent again only when all calls are
 * over.
 */
export class UnsentRecords {
  /** By the numbers of their partitions; undefined: it is not known yet how many partitions there are. */
  private records: Map<number, PartitionRecords> | undefined;
  private readonly written: RecordMetadata[] = [];

  constructor(private readonly run: RecordRun) {}

  /** Sends all. Returns where they are. @throws kafkajs's error. */
  async send(how: Sending): Promise<RecordMetadata[]> {
    for (let pauses = 0;; pauses++) {
      const failures = await this.sendOnce(how);
      if (failures.length === 0) return this.written;
      const lasting = failures.find((error) => (error as Error).name !== PASSING);
      const waitMs = pauseMs(pauses);
      if (lasting !== undefined || waitMs === undefined || how.isOver()) throw lasting ?? failures[0];
      await how.clock.sleep(waitMs, NEVER);
    }
  }

  /** Sends each leader its records. Returns the errors, once all leaders have answered or failed. */
  private async sendOnce({ to, topic }: Sending): Promise<unknown[]> {
    const failures: unknown[] = [];
    const failed: Taken[] = [];
    const calls: Promise<void>[] = [];
    const call = async () => {
      let taken: Taken = {};
      const messages = asMessages((partitions) => {
        taken = this.take(partitions);
        if (this.records!.size > 0) calls.push(call());
        return taken;
      });
      try {
        this.written.push(...await to.send({ topic, acks: -1, messages }));
      } catch (error) {
        failures.push(error);
        failed.push(taken);
      }
    };
    calls.push(call());
    // More are added meanwhile.
    for (const one of calls) await one;
    for (const [partition, records] of failed.flatMap(Object.entries<PartitionRecords>)) {
      this.records!.set(Number(partition), records);
    }
    return failures;
  }

  /** Takes those that one broker leads. Where a record belongs is settled with the first attempt. */
  private take(partitions: readonly PartitionMetadata[]): Taken {
    const records = this.records ??= new Map(
      Object.entries(this.run.byPartition(partitions.length)).map(([partition, of]) =>
        [Number(partition), of] as const
      ),
    );
    const leaders = new Map(partitions.map(({ partitionId, leader }) => [partitionId, leader]));
    const taken: Taken = {};
    let node: number | undefined;
    for (const [partition, of] of records) {
      const leader = leaders.get(partition);
      // kafkajs would leave its records out.
      if (leader === undefined) throw new Error(`the topic has no partition ${partition} any more`);
      node ??= leader;
      if (leader !== node) continue;
      taken[partition] = of;
      records.delete(partition);
    }
    return taken;
  }
}
