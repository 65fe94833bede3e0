import { Buffer } from "node:buffer";
import type { Cluster } from "kafkajs";
import Encoder from "kafkajs/src/protocol/encoder.js";
import { createErrorFromCode } from "kafkajs/src/protocol/error.js";
import type { Clock } from "../../platform/clock/clock.ts";
import { WireReader } from "../../platform/kafka/wire_reader.ts";
import { WireWriter } from "../../platform/kafka/wire_writer.ts";
import { asksToWait, pauseMs } from "./kafka_patience.ts";

/** The request for committed offsets. From version 7 on (Kafka 2.5) it can ask for stable ones. */
const OFFSET_FETCH = 9;
const STABLE_SINCE = 7;
/** A transaction has ended, and the group has not yet taken over the offset in it. */
const UNSTABLE_OFFSET_COMMIT = 88;
const ASK_AGAIN_MS = 20;
const NEVER = new AbortController().signal;

/** One partition of a topic, and the group whose offset in it is asked for. */
export interface GroupPartition {
  readonly groupId: string;
  readonly topic: string;
  readonly partition: number;
}

/** What a group has committed. */
export interface CommittedOffset {
  readonly offset: number;
  readonly metadata: string | null;
}

/** Parts of kafkajs's broker that its types leave out. */
interface Coordinator {
  /** What the broker can do, by the numbers of the requests. */
  readonly versions: Readonly<Record<number, { readonly maxVersion: number } | undefined>>;
  readonly connectionPool: { send<T>(exchange: Exchange<T>): Promise<T> };
  offsetFetch(request: {
    groupId: string;
    topics: { topic: string; partitions: { partition: number }[] }[];
  }): Promise<
    { responses: { partitions: { partition: number; offset: string; metadata: string | null }[] }[] }
  >;
}

/** A request of kafkajs and its answer. */
interface Exchange<T> {
  readonly request: {
    readonly apiKey: number;
    readonly apiVersion: number;
    readonly apiName: string;
    encode(): Promise<Encoder>;
  };
  readonly response: { decode(answer: Buffer): Promise<Answer>; parse(answer: Answer): Promise<T> };
}

/** `error` is the number of an error in Kafka's protocol; 0: none. */
interface Answer extends CommittedOffset {
  readonly error: number;
}

/**
 * The offset that a group has committed; undefined: none.
 *
 * A transaction may have ended a moment before the group takes over the offset in it. kafkajs would be told
 * the offset before that one. So the broker is asked for a stable one, and again until it has it. Brokers
 * before Kafka 2.5 cannot be asked so. Where the group's coordinator has changed, or still loads the group,
 * it is asked again, too.
 *
 * @throws kafkajs's error of the broker's answer.
 */
export async function fetchStableOffset(
  cluster: Cluster,
  of: GroupPartition,
  clock: Pick<Clock, "sleep">,
): Promise<CommittedOffset | undefined> {
  for (let pauses = 0;;) {
    let waitMs: number | undefined = ASK_AGAIN_MS;
    try {
      const answer = await ask(cluster, of);
      if (answer.error === 0) {
        return answer.offset < 0 ? undefined : { offset: answer.offset, metadata: answer.metadata };
      }
    } catch (error) {
      waitMs = pauseMs(pauses++);
      if (waitMs === undefined || !asksToWait(error)) throw error;
    }
    await clock.sleep(waitMs, NEVER);
  }
}

/** Asks whoever coordinates the group now. Returns an error only where the offset is not stable. */
async function ask(cluster: Cluster, of: GroupPartition): Promise<Answer> {
  const coordinator = await cluster.findGroupCoordinator({ groupId: of.groupId }) as unknown as Coordinator;
  const isOld = (coordinator.versions[OFFSET_FETCH]?.maxVersion ?? 0) < STABLE_SINCE;
  return isOld ? await askOld(coordinator, of) : await coordinator.connectionPool.send(exchangeFor(of));
}

async function askOld(
  coordinator: Coordinator,
  { groupId, topic, partition }: GroupPartition,
): Promise<Answer> {
  const { responses } = await coordinator.offsetFetch({
    groupId,
    topics: [{ topic, partitions: [{ partition }] }],
  });
  const found = responses[0]?.partitions.find((one) => one.partition === partition);
  return { error: 0, offset: Number(found?.offset ?? -1), metadata: found?.metadata || null };
}

function exchangeFor(of: GroupPartition): Exchange<Answer> {
  return {
    request: {
      apiKey: OFFSET_FETCH,
      apiVersion: STABLE_SINCE,
      apiName: "OffsetFetch",
      encode: () => Promise.resolve(new Encoder().writeBuffer(Buffer.from(requestFor(of)))),
    },
    response: {
      decode: (answer) => new Promise((resolve) => resolve(readAnswer(answer, of))),
      // It fails as any request does, so that the coordinator is looked for again.
      parse: (answer) =>
        answer.error === 0 || answer.error === UNSTABLE_OFFSET_COMMIT
          ? Promise.resolve(answer)
          : Promise.reject(createErrorFromCode(answer.error)),
    },
  };
}

function requestFor({ groupId, topic, partition }: GroupPartition): Uint8Array {
  const writer = new WireWriter(true);
  // The tagged fields of the head, which kafkajs does not write.
  writer.end();
  writer.string(groupId);
  writer.array([topic], (name) => writer.string(name).array([partition], (one) => writer.int32(one)).end());
  // Only stable offsets.
  return writer.boolean(true).end().written;
}

/** @throws {WireFault} */
function readAnswer(bytes: Uint8Array, { topic, partition }: GroupPartition): Answer {
  const reader = new WireReader(bytes, true);
  reader.end();
  reader.int32();
  let found: Answer = { error: 0, offset: -1, metadata: null };
  reader.array(() => {
    const name = reader.string();
    reader.array(() => {
      const number = reader.int32();
      const offset = reader.int64();
      reader.int32();
      const metadata = reader.string() ?? null;
      const answer = { offset, metadata, error: reader.int16() };
      reader.end();
      if (name === topic && number === partition) found = answer;
    });
    reader.end();
  });
  const error = reader.int16();
  return error === 0 ? found : { ...found, error };
}
