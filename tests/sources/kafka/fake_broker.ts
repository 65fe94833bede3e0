import { Buffer } from "node:buffer";
import { createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { systemClock } from "../../../src/platform/clock/clock.ts";
import { WireReader } from "../../../src/platform/kafka/wire_reader.ts";
import { WireWriter } from "../../../src/platform/kafka/wire_writer.ts";
import { KafkaSource, type KafkaSourceOptions } from "../../../src/sources/kafka/kafka_source.ts";

const [FETCH, LIST_OFFSETS, METADATA, OFFSET_COMMIT, OFFSET_FETCH, FIND_COORDINATOR, API_VERSIONS] = [
  1,
  2,
  3,
  8,
  9,
  10,
  18,
] as const;
/** The version of metadata that tells the ids of topics, and is flexible. */
const METADATA_WITH_IDS = 12;
/** The versions that it has, none of them flexible but that. */
const VERSIONS = [
  [FETCH, 5],
  [LIST_OFFSETS, 2],
  [METADATA, 5],
  [OFFSET_COMMIT, 2],
  [OFFSET_FETCH, 2],
  [FIND_COORDINATOR, 1],
  [API_VERSIONS, 0],
] as const;
const OLDEST = -2;
const TOPIC = "t";

/** What it answers about its topic with the one partition that it should have. */
export interface Answers {
  host: string;
  port: number;
  /** The id of the topic; undefined: the broker is too old to tell it. As of the next connection. */
  topicId: string | undefined;
  /** The numbers of the partitions. */
  partitions: readonly number[];
  oldest: number;
  end: number;
  /** The end of committed records in answers with records. */
  stableEnd: number | undefined;
  /** The end of all records in answers with records; undefined: as `end`. */
  fetchedEnd: number | undefined;
  /** The number of the error; 0: none. */
  error: number;
  abortedCount: number;
  /** The batches from an offset on. */
  batches: (offset: number) => readonly Uint8Array[];
  /** The numbers of the brokers, all of which are where it says. */
  nodes: readonly number[];
  /** The node that leads the partitions; -1: none. */
  leader: number;
  /** The number of the error of the group; 0: none. */
  groupError: number;
  /** What becomes of an answer with records: bytes that are sent, and whether the connection ends then. */
  send: (answer: Uint8Array, socket: Socket) => void;
  /** What becomes of an answer about who leads. */
  sendMetadata: (answer: Uint8Array, socket: Socket) => void;
  /** What becomes of an answer about a group. */
  sendGroup: (answer: Uint8Array, socket: Socket) => void;
}

/** A broker that answers what it is told to, be it a lie. */
export class FakeBroker implements AsyncDisposable {
  readonly answers: Answers;
  /** What groups have committed: "offset metadata", by group and partition. */
  readonly committed = new Map<string, string>();
  /** How many logins it has not understood. */
  logins = 0;
  /** How many connections there were. */
  connections = 0;
  private readonly sockets = new Set<Socket>();

  private constructor(private readonly server: Server, port: number) {
    this.answers = {
      host: "127.0.0.1",
      port,
      topicId: undefined,
      partitions: [0],
      oldest: 0,
      end: 0,
      stableEnd: undefined,
      fetchedEnd: undefined,
      error: 0,
      abortedCount: 0,
      batches: () => [],
      nodes: [1],
      leader: 1,
      groupError: 0,
      send: (answer, socket) => void socket.write(answer),
      sendMetadata: (answer, socket) => void socket.write(answer),
      sendGroup: (answer, socket) => void socket.write(answer),
    };
  }

  static async start(): Promise<FakeBroker> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const broker = new FakeBroker(server, (server.address() as AddressInfo).port);
    server.on("connection", (socket) => broker.serve(socket));
    return broker;
  }

  createSource(options: Partial<KafkaSourceOptions> = {}): KafkaSource {
    return new KafkaSource(this.sourceOptions(options));
  }

  sourceOptions(options: Partial<KafkaSourceOptions> = {}): KafkaSourceOptions {
    const { port } = this.server.address() as AddressInfo;
    return {
      name: `kafka://127.0.0.1:${port}/${TOPIC}`,
      brokers: [{ host: "127.0.0.1", port }],
      topics: [TOPIC],
      access: { tls: undefined, login: undefined },
      startsAtEnd: false,
      instance: "test",
      share: undefined,
      takesOver: false,
      reader: undefined,
      endsWhenRead: false,
      clock: systemClock,
      ...options,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  /** How many connections there are. */
  get connectionCount(): number {
    return this.sockets.size;
  }

  private serve(socket: Socket): void {
    this.connections++;
    this.sockets.add(socket);
    socket.once("close", () => this.sockets.delete(socket)).on("error", () => {});
    let received = Buffer.alloc(0);
    socket.on("data", (piece: Buffer) => {
      received = Buffer.concat([received, piece]);
      while (received.length >= 4 && received.length >= 4 + received.readInt32BE(0)) {
        const end = 4 + received.readInt32BE(0);
        this.answer(received.subarray(4, end), socket);
        received = received.subarray(end);
      }
    });
  }

  private answer(request: Uint8Array, socket: Socket): void {
    const reader = new WireReader(request, false);
    const [key, version] = [reader.int16(), reader.int16()];
    const writer = new WireWriter(false).int32(reader.int32());
    reader.string();
    if (key === API_VERSIONS) this.writeVersions(writer);
    else if (key === METADATA && version === METADATA_WITH_IDS) writer.raw(this.metadataWithIds());
    else if (key === METADATA) this.writeMetadata(writer);
    else if (key === LIST_OFFSETS) this.writeOffsets(reader, writer);
    else if (key === FIND_COORDINATOR) this.writeCoordinator(writer);
    else if (key === OFFSET_FETCH) this.writeCommitted(reader, writer);
    else if (key === OFFSET_COMMIT) this.commit(reader, writer);
    else if (key === FETCH) this.writeRecords(reader, writer);
    else {
      // It knows no login.
      this.logins++;
      socket.destroy();
      return;
    }
    const answer = Buffer.concat([
      new WireWriter(false).int32(writer.written.length).written,
      writer.written,
    ]);
    if (key === FETCH) this.answers.send(answer, socket);
    else if (key === METADATA) this.answers.sendMetadata(answer, socket);
    else if (key === OFFSET_COMMIT || key === OFFSET_FETCH) this.answers.sendGroup(answer, socket);
    else socket.write(answer);
  }

  private writeVersions(writer: WireWriter): void {
    const greatest = (key: number, version: number) =>
      key === METADATA && this.answers.topicId !== undefined ? METADATA_WITH_IDS : version;
    writer.int16(0).array(VERSIONS, ([key, version]) => {
      writer.int16(key).int16(0).int16(greatest(key, version));
    });
  }

  private writeMetadata(writer: WireWriter): void {
    const { host, leader, nodes, partitions, port } = this.answers;
    writer.int32(0).array(nodes, (node) => writer.int32(node).string(host).int32(port).string(undefined));
    writer.string("cluster").int32(1).array([TOPIC], (topic) => {
      writer.int16(0).string(topic).boolean(false).array(partitions, (partition) => {
        writer.int16(0).int32(partition).int32(leader);
        for (let lists = 0; lists < 3; lists++) writer.array([1], (node) => writer.int32(node));
      });
    });
  }

  private metadataWithIds(): Uint8Array {
    const { host, leader, nodes, partitions, port, topicId } = this.answers;
    const writer = new WireWriter(true).end().int32(0);
    writer.array(nodes, (node) => writer.int32(node).string(host).int32(port).string(undefined).end());
    writer.string("cluster").int32(1).array([TOPIC], (topic) => {
      writer.int16(0).string(topic).uuid(topicId!).boolean(false).array(partitions, (partition) => {
        writer.int16(0).int32(partition).int32(leader).int32(0);
        for (let lists = 0; lists < 3; lists++) writer.array([1], (node) => writer.int32(node));
        writer.end();
      });
      writer.int32(0).end();
    });
    return writer.end().written;
  }

  private writeOffsets(reader: WireReader, writer: WireWriter): void {
    reader.int32();
    reader.int8();
    const { end, oldest } = this.answers;
    const asked: { partition: number; offset: number }[] = [];
    reader.array(() => {
      reader.string();
      reader.array(() => {
        asked.push({ partition: reader.int32(), offset: reader.int64() === OLDEST ? oldest : end });
      });
    });
    writer.int32(0).array([TOPIC], (topic) => {
      writer.string(topic).array(asked, ({ offset, partition }) => {
        writer.int32(partition).int16(0).int64(-1).int64(offset);
      });
    });
  }

  private writeCoordinator(writer: WireWriter): void {
    const { groupError, host, port } = this.answers;
    writer.int32(0).int16(groupError).string(undefined).int32(1).string(host).int32(port);
  }

  private writeCommitted(reader: WireReader, writer: WireWriter): void {
    const group = reader.string();
    const partitions: number[] = [];
    reader.array(() => {
      reader.string();
      reader.array(() => partitions.push(reader.int32()));
    });
    writer.array([TOPIC], (topic) => {
      writer.string(topic).array(partitions, (partition) => {
        const [, offset = "-1", metadata] =
          /^(\d+) (.*)$/.exec(this.committed.get(`${group} ${partition}`) ?? "") ?? [];
        writer.int32(partition).int64(Number(offset)).string(metadata).int16(0);
      });
    }).int16(0);
  }

  private commit(reader: WireReader, writer: WireWriter): void {
    const group = reader.string();
    reader.int32();
    reader.string();
    reader.int64();
    const partitions: number[] = [];
    reader.array(() => {
      reader.string();
      reader.array(() => {
        const partition = reader.int32();
        this.committed.set(`${group} ${partition}`, `${reader.int64()} ${reader.string() ?? ""}`);
        partitions.push(partition);
      });
    });
    writer.array([TOPIC], (topic) => {
      writer.string(topic).array(partitions, (partition) => writer.int32(partition).int16(0));
    });
  }

  private writeRecords(reader: WireReader, writer: WireWriter): void {
    for (let field = 0; field < 4; field++) reader.int32();
    reader.int8();
    const { abortedCount, batches, end, error, fetchedEnd = end, stableEnd = fetchedEnd } = this.answers;
    const asked: { partition: number; offset: number }[] = [];
    reader.array(() => {
      reader.string();
      reader.array(() => {
        asked.push({ partition: reader.int32(), offset: reader.int64() });
        reader.int64();
        reader.int32();
      });
    });
    writer.int32(0).array([TOPIC], (topic) => {
      writer.string(topic).array(asked, ({ offset, partition }) => {
        writer.int32(partition).int16(error).int64(fetchedEnd).int64(stableEnd).int64(0);
        writer.array(Array.from({ length: abortedCount }), () => writer.int64(1).int64(1));
        writer.block(error === 0 ? Buffer.concat(batches(offset)) : new Uint8Array(0));
      });
    });
  }
}
