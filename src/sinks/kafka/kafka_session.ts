import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import {
  type Admin,
  type Cluster,
  type Consumer,
  type ISocketFactoryArgs,
  Kafka,
  type logCreator,
  logLevel,
  PartitionAssigners,
  type Producer,
  type RecordMetadata,
  type SASLOptions,
} from "kafkajs";
import type { Clock } from "../../platform/clock/clock.ts";
import type { Logger } from "../../platform/log/logger.ts";
import { gate } from "../../platform/net/frame_gate.ts";
import type { RecordRun } from "./encoded_records.ts";
import { registerCodecs } from "./kafka_codecs.ts";
import "./kafka_coordinators.ts";
import "./kafka_decoder.ts";
import { KafkaFrames } from "./kafka_frames.ts";
import { askingPartitioner } from "./kafka_produce.ts";
import { tryRights, type WantedRights } from "./kafka_rights.ts";
import "./kafka_request_queue.ts";
import { type CommittedOffset, fetchStableOffset, type GroupPartition } from "./stable_offset.ts";
import { TRANSACTION_TIMEOUT_MS } from "./transaction_timeout.ts";
import { UnsentRecords } from "./unsent_records.ts";

export interface KafkaConnectionOptions {
  /** `host:port` each. */
  readonly bootstrapServers: readonly string[];
  readonly sasl?: {
    readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
    readonly username: string;
    readonly password: string;
  };
  /** PEM texts; without an authority, the system's; left out: no TLS. */
  readonly ssl?: {
    readonly ca?: string | undefined;
    readonly cert?: string | undefined;
    readonly key?: string | undefined;
  };
}

/** Offsets of a partition; the last two are one past the last. */
export interface PartitionEnds {
  readonly partition: number;
  readonly firstOffset: number;
  /**
   * The offset at which readers of committed records stop, since the oldest open transaction begins there;
   * else the end.
   */
  readonly stableOffset: number;
  readonly endOffset: number;
}

registerCodecs();

const CONNECT_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 20_000;
const CLOSE_TIMEOUT_MS = 1_000;
/**
 * The first retry comes after 10 ms. With the library's default of 300 ms a transaction takes 340 ms instead
 * of 17, since every second one meets CONCURRENT_TRANSACTIONS.
 */
const RETRY = { initialRetryTime: 10, maxRetryTime: 1000, factor: 0.2, retries: 15 };

/** {@link UnsentRecords} tries again. kafkajs refuses zero for a producer that repeats no record. */
const NO_RETRIES = NaN;

/** Requests without an answer at once. Brokers keep the order of so many of a producer. */
const IN_FLIGHT_MAX = 5;

/**
 * Compressed bytes of records in an answer: a sixty-fourth of the uncompressed bytes that are allowed. A
 * single batch may be larger.
 */
const FETCH_MAX_BYTES = 2 * 1024 * 1024;
/** How long a fetch waits at the end of a partition. */
const FETCH_WAIT_MS = 250;

/**
 * The connections of one producer, one admin client and, on request, consumers. They are closed together:
 * kafkajs cannot recover a producer whose transaction has failed, and its retries cannot be stopped, but they
 * fail once their sockets are closed.
 */
export class KafkaSession {
  readonly admin: Admin;
  readonly producer: Producer;
  /** Which brokers to begin with: `host:port` each. */
  brokers: readonly string[];
  private readonly kafka: Kafka;
  private readonly consumers: Consumer[] = [];
  private readonly sockets = new Set<Socket>();
  private isClosed = false;

  /** Without a transactional id the producer is idempotent. */
  constructor(options: KafkaConnectionOptions, transactionalId: string | undefined, logger: Logger) {
    this.brokers = options.bootstrapServers;
    const kafka = this.kafka = new Kafka({
      clientId: "vabus-data-handler",
      brokers: () => [...this.brokers],
      ...(options.sasl && { sasl: { ...options.sasl } as SASLOptions }),
      ...(options.ssl && { ssl: options.ssl }),
      connectionTimeout: CONNECT_TIMEOUT_MS,
      authenticationTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      retry: RETRY,
      socketFactory: (endpoint) => this.connect(endpoint),
      logLevel: logLevel.INFO,
      logCreator: toDebug(logger),
    });
    this.admin = kafka.admin({ retry: RETRY });
    this.producer = kafka.producer({
      createPartitioner: askingPartitioner,
      allowAutoTopicCreation: false,
      maxInFlightRequests: IN_FLIGHT_MAX,
      retry: { ...RETRY, retries: NO_RETRIES },
      ...(transactionalId === undefined
        ? { idempotent: true }
        : { transactionalId, transactionTimeout: TRANSACTION_TIMEOUT_MS }),
    });
  }

  /** Writes records to a topic. @param to The producer, or a transaction of it. */
  send(
    to: Pick<Producer, "send">,
    topic: string,
    records: RecordRun,
    clock: Pick<Clock, "sleep">,
  ): Promise<RecordMetadata[]> {
    return new UnsentRecords(records).send({ to, topic, clock, isOver: () => this.isClosed });
  }

  /** A consumer of committed records, not yet connected, that ends with its first failure. */
  createConsumer(groupId: string): Consumer {
    const consumer = this.kafka.consumer({
      groupId,
      readUncommitted: false,
      allowAutoTopicCreation: false,
      maxWaitTimeInMs: FETCH_WAIT_MS,
      maxBytes: FETCH_MAX_BYTES,
      retry: { ...RETRY, restartOnFailure: () => Promise.resolve(false) },
    });
    this.consumers.push(consumer);
    return consumer;
  }

  /** The offsets of a topic's partitions. */
  async topicEnds(topic: string): Promise<PartitionEnds[]> {
    const ends = await this.uncommittedEnds(topic);
    return (await this.admin.fetchTopicOffsets(topic)).map(({ partition, low, high }) => ({
      partition,
      firstOffset: Number(low),
      stableOffset: Number(high),
      endOffset: Math.max(Number(high), ends.get(partition) ?? 0),
    }));
  }

  /**
   * The ends of the partitions, uncommitted records included. The admin client asks for the end of committed
   * records only, and consumers have no such request. The cluster object, which the assigners of consumers
   * get, has one.
   */
  private async uncommittedEnds(topic: string): Promise<Map<number, number>> {
    const { cluster, disconnect } = await this.connectCluster();
    await cluster.addTargetTopic(topic);
    const partitions = cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => ({
      partition: partitionId,
    }));
    const [found] = await cluster.fetchTopicsOffset([{ topic, partitions, fromBeginning: false }]);
    await disconnect();
    return new Map(found!.partitions.map(({ partition, offset }) => [partition, Number(offset)]));
  }

  /** See {@link fetchStableOffset}. */
  async committedOffset(
    of: GroupPartition,
    clock: Pick<Clock, "sleep">,
  ): Promise<CommittedOffset | undefined> {
    const { cluster, disconnect } = await this.connectCluster();
    await cluster.refreshMetadata();
    const found = await fetchStableOffset(cluster, of, clock);
    await disconnect();
    return found;
  }

  /** Tries all rights of writing without a trace. @throws kafkajs's error of the missing right. */
  async tryRights(wanted: WantedRights): Promise<void> {
    const { cluster, disconnect } = await this.connectCluster();
    await tryRights(cluster, wanted);
    await disconnect();
  }

  /** The cluster object of kafkajs, which it gives to nobody but a consumer's assigner. */
  private async connectCluster(): Promise<{ cluster: Cluster; disconnect: () => Promise<void> }> {
    let cluster: Cluster | undefined;
    // The consumer never joins a group.
    const consumer = this.kafka.consumer({
      groupId: "unused",
      readUncommitted: true,
      allowAutoTopicCreation: false,
      retry: RETRY,
      partitionAssigners: [(config) => {
        cluster = config.cluster;
        return PartitionAssigners.roundRobin(config);
      }],
    });
    this.consumers.push(consumer);
    await consumer.connect();
    return { cluster: cluster!, disconnect: () => consumer.disconnect() };
  }

  /** Never throws and takes about a second at most. Requests under way fail. */
  async close(): Promise<void> {
    this.isClosed = true;
    for (const socket of this.sockets) socket.destroy(new Error("closed"));
    const { promise: timeUp, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, CLOSE_TIMEOUT_MS);
    const clients = [this.producer, this.admin, ...this.consumers];
    await Promise.race([timeUp, Promise.allSettled(clients.map((client) => client.disconnect()))]);
    clearTimeout(timer);
  }

  private connect({ host, port, ssl, onConnect }: ISocketFactoryArgs): Socket {
    if (this.isClosed) throw new Error("the client is closed");
    const socket = ssl
      ? connectTls({ host, port, ...(isIP(host) === 0 && { servername: host }), ...ssl }, onConnect)
      : connectTcp({ host, port }, onConnect);
    this.sockets.add(socket);
    socket.once("close", () => this.sockets.delete(socket));
    gate(socket, new KafkaFrames(`${host}:${port}`));
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 60_000);
    return socket;
  }
}

/**
 * kafkajs logs errors that it then retries. Errors that it gives up on are thrown and reported with the
 * sink's error. So its log lines are only detail.
 */
function toDebug(logger: Logger): logCreator {
  return () => ({ namespace, log: { message, broker, error } }) => {
    logger.debug(`kafkajs ${namespace}: ${message}`, { broker, error: error && String(error) });
  };
}
