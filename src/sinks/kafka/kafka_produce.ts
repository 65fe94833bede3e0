import { Buffer } from "node:buffer";
import type { ICustomPartitioner, Message, PartitionMetadata } from "kafkajs";
import Encoder from "kafkajs/src/protocol/encoder.js";
import produce from "kafkajs/src/protocol/requests/produce/index.js";
import { WireWriter } from "../../platform/kafka/wire_writer.ts";
import { PartitionRecords } from "./encoded_records.ts";

/** What kafkajs wants to write with one request. */
interface Writing {
  readonly acks: number;
  /** Ms. */
  readonly timeout: number;
  /** Undefined: there are no transactions. */
  readonly transactionalId?: string;
  readonly producerId: string;
  readonly producerEpoch: number;
  readonly topicData: readonly {
    readonly topic: string;
    readonly partitions: readonly PartitionWriting[];
  }[];
}

interface PartitionWriting {
  readonly partition: number;
  readonly firstSequence: number;
  readonly messages: PartitionRecords | readonly Message[];
}

/**
 * kafkajs 2.2.4 encodes each record of a request in buffers of its own, hashes keys with integers of any
 * size, and copies the list of a partition for each record in it. That was nine tenths of what a row cost.
 * So a request with {@link PartitionRecords} is encoded here. All that surrounds it stays with kafkajs:
 * transactions, sequences, connections, answers.
 */
const { protocol } = produce;
produce.protocol = (of: { version: number }) => {
  const made = protocol(of);
  return (writing: Writing) => {
    const exchange = made(writing);
    if (!areEncoded(writing)) return exchange;
    const encode = () => Promise.resolve(requestOf(writing));
    return { ...exchange, request: { ...exchange.request, encode } };
  };
};

function areEncoded({ topicData }: Writing): boolean {
  return topicData.every(({ partitions }) =>
    partitions.every(({ messages }) => messages instanceof PartitionRecords)
  );
}

/** The same in all versions of the request since 3 (Kafka 0.11), before which there are no transactions. */
function requestOf(writing: Writing): Encoder {
  const { acks, producerEpoch, producerId, timeout, topicData, transactionalId } = writing;
  const isTransactional = transactionalId !== undefined;
  const [id, epoch] = [BigInt(producerId), producerEpoch];
  const writer = new WireWriter(false);
  writer.string(transactionalId).int16(acks).int32(timeout).array(
    topicData,
    ({ topic, partitions }) =>
      writer.string(topic).array(partitions, ({ partition, firstSequence, messages }) => {
        const batch = (messages as PartitionRecords).batch({ isTransactional, id, epoch, firstSequence });
        writer.int32(partition).block(batch);
      }),
  );
  const encoder = new Encoder(0);
  const { buffer, byteOffset, byteLength } = writer.written;
  encoder.buf = Buffer.from(buffer, byteOffset, byteLength);
  encoder.offset = byteLength;
  return encoder;
}

/** What {@link asMessages} gives to {@link askingPartitioner}, to learn which partitions there are. */
interface Question {
  partitions: readonly PartitionMetadata[];
}

/** A partitioner of kafkajs that answers which partitions there are. The records know their own. */
export const askingPartitioner: ICustomPartitioner = () => ({ message, partitionMetadata }) => {
  (message as unknown as Question).partitions = partitionMetadata;
  return 0;
};

/**
 * Records as what kafkajs takes for the array of the messages of a request. It does two things with it: it
 * looks for a message without a value, and it groups the messages by their partitions, again with each
 * attempt.
 *
 * @param take Gives the records, by the numbers of their partitions.
 */
export function asMessages(
  take: (partitions: readonly PartitionMetadata[]) => Record<number, PartitionRecords>,
): Message[] {
  const messages = {
    find: () => undefined,
    reduce(group: (groups: object, message: Question) => unknown): Record<number, PartitionRecords> {
      const question: Question = { partitions: [] };
      group({}, question);
      return take(question.partitions);
    },
  };
  return messages as unknown as Message[];
}
