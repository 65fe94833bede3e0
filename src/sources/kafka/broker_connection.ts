import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { SourceError } from "../../contract/source.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import { FrameCutter } from "../../platform/net/frame_gate.ts";
import type { TlsConfig } from "../../settings/declaration.ts";
import { connectSocket, type ServerAddress } from "../../platform/net/server_socket.ts";
import { brokerError, sourceErrorOf } from "./kafka_errors.ts";
import { type KafkaLogin, logIn, LoginFault } from "./kafka_login.ts";
import { CERTIFICATE_ADVICE } from "./listener_fault.ts";
import { WireFault, WireReader } from "../../platform/kafka/wire_reader.ts";
import { WireWriter } from "../../platform/kafka/wire_writer.ts";

/** How connections to brokers are made. */
export interface KafkaAccess {
  /** Undefined: no TLS. */
  readonly tls: TlsConfig | undefined;
  /** Undefined: no login. */
  readonly login: KafkaLogin | undefined;
}

/** A kind of request. */
export interface Api {
  readonly key: number;
  /** The first version whose form is flexible. */
  readonly flexibleFrom: number;
}

const SASL_HANDSHAKE: Api = { key: 17, flexibleFrom: Infinity };
const API_VERSIONS: Api = { key: 18, flexibleFrom: 3 };
const SASL_AUTHENTICATE: Api = { key: 36, flexibleFrom: 2 };

const CLIENT_ID = "vabus-data-handler";
const CONNECT_MAX_MS = 10_000;
/** How long a broker may be silent while an answer is due, also at a login, and an answer may take. */
const SILENCE_MAX_MS = 20_000;
const LOGIN_SILENCE_MAX_MS = 10_000;
const ANSWER_MAX_MS = 60_000;
/** Bytes of an answer before the login, and of one after it that is asked for no more. */
const LOGIN_MAX_BYTES = 64 * 1024;
const ANSWER_MAX_BYTES = 16 * 1024 * 1024;

/** What an answer may be. */
export interface AnswerLimits {
  readonly maxBytes?: number;
  /** How long the broker may be silent. */
  readonly silenceMs?: number;
  /** How long it was asked to wait before it answers, which comes on top. */
  readonly waitMs?: number;
}

interface Pending {
  readonly id: number;
  readonly maxBytes: number;
  readonly resolve: (answer: Uint8Array) => void;
  readonly reject: (error: SourceError) => void;
}

/**
 * A connection to one broker. Answers come in the order of the requests. Any fault ends it: who needs it
 * makes another one.
 */
export class BrokerConnection {
  private readonly pending: Pending[] = [];
  private versions = new Map<number, number>();
  private failure: SourceError | undefined;
  private nextId = 0;
  private receivedBytes = 0;

  private constructor(
    private readonly name: string,
    private readonly socket: Socket,
    private readonly clock: Pick<Clock, "sleep">,
  ) {
    const cutter = new FrameCutter({
      headSize: 4,
      sizeOf: (head) => this.sizeOf(head),
      received: (frame) => this.received(frame),
      sent: () => {},
    });
    socket.on("data", (piece: Buffer) => {
      this.receivedBytes += piece.length;
      try {
        cutter.take(piece);
      } catch (error) {
        this.fail(sourceErrorOf(name, error));
      }
    });
    socket.on("error", (error) => this.fail(sourceErrorOf(name, error)));
    socket.on("close", () => this.fail(new SourceError("unavailable", `${name} has closed the connection`)));
  }

  /** Connects and logs in. @throws {SourceError} */
  static async open(
    address: ServerAddress,
    access: KafkaAccess,
    clock: Pick<Clock, "sleep">,
    signal: AbortSignal,
  ): Promise<BrokerConnection> {
    const name = `the broker at ${address.host}:${address.port}`;
    let socket: Socket;
    try {
      socket = await connectSocket(address, access.tls, CONNECT_MAX_MS, clock, signal);
    } catch (error) {
      throw sourceErrorOf(name, error);
    }
    const connection = new BrokerConnection(name, socket, clock);
    try {
      await connection.learnVersions();
      if (access.login !== undefined) await connection.logIn(access.login);
      return connection;
    } catch (error) {
      connection.close();
      throw access.tls !== undefined && access.tls.cert === undefined ? orForACertificate(error) : error;
    }
  }

  get isOpen(): boolean {
    return this.failure === undefined;
  }

  /** The greatest of these versions that the broker has. @throws {SourceError} It has none of them. */
  versionOf({ key }: Api, ...known: readonly number[]): number {
    const greatest = this.versions.get(key) ?? -1;
    const found = known.filter((version) => version <= greatest);
    if (found.length === 0) {
      throw new SourceError("refused", `${this.name} is older than Kafka 0.11, which is needed`);
    }
    return Math.max(...found);
  }

  /**
   * Sends a request and reads its answer.
   *
   * @throws {SourceError} The connection is of no more use then.
   */
  async request<T>(
    api: Api,
    version: number,
    write: (writer: WireWriter) => unknown,
    read: (reader: WireReader) => T,
    { maxBytes = ANSWER_MAX_BYTES, silenceMs = SILENCE_MAX_MS, waitMs = 0 }: AnswerLimits = {},
  ): Promise<T> {
    const isFlexible = version >= api.flexibleFrom;
    const id = this.nextId++ % 0x7fffffff;
    const head = new WireWriter(false).int16(api.key).int16(version).int32(id).string(CLIENT_ID);
    const body = new WireWriter(isFlexible);
    body.end();
    write(body);
    const size = new WireWriter(false).int32(head.written.length + body.written.length);
    const answer = await this.exchange(
      id,
      Buffer.concat([size.written, head.written, body.written]),
      maxBytes,
      (answered) => this.watch(waitMs, silenceMs, answered),
    );
    try {
      const reader = new WireReader(answer, isFlexible);
      reader.end();
      return read(reader);
    } catch (error) {
      const failure = sourceErrorOf(this.name, error);
      this.fail(failure);
      throw failure;
    }
  }

  /** Requests under way fail. */
  close(): void {
    this.fail(new SourceError("unavailable", `the connection to ${this.name} was closed`));
  }

  private async exchange(
    id: number,
    bytes: Uint8Array,
    maxBytes: number,
    watch: (answered: AbortSignal) => Promise<void>,
  ): Promise<Uint8Array> {
    if (this.failure !== undefined) throw this.failure;
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    this.pending.push({ id, maxBytes, resolve, reject });
    this.socket.write(bytes);
    const answered = new AbortController();
    void watch(answered.signal);
    try {
      return await promise;
    } finally {
      answered.abort();
    }
  }

  /** Ends the connection where no answer comes, or where it does not become whole. */
  private async watch(waitMs: number, silenceMs: number, answered: AbortSignal): Promise<void> {
    await this.clock.sleep(waitMs, answered);
    for (let leftMs = ANSWER_MAX_MS; leftMs > 0; leftMs -= silenceMs) {
      const before = this.receivedBytes;
      await this.clock.sleep(silenceMs, answered);
      if (answered.aborted) return;
      if (this.receivedBytes > before) continue;
      const problem = `has not answered for ${silenceMs / 1000} seconds`;
      return this.fail(new SourceError("unavailable", `${this.name} ${problem}`));
    }
    const problem = `has sent only a part of an answer in ${
      ANSWER_MAX_MS / 1000
    } seconds: is the network slow?`;
    this.fail(new SourceError("unavailable", `${this.name} ${problem}`));
  }

  private sizeOf(head: Buffer): number {
    const size = head.readInt32BE(0);
    const [next] = this.pending;
    if (next === undefined) throw new WireFault("belongs to no request");
    if (size < 4) throw new WireFault("is not Kafka's protocol");
    if (size > next.maxBytes) {
      throw new WireFault(`is said to have ${size} bytes, where at most ${next.maxBytes} can be right`);
    }
    return 4 + size;
  }

  private received(frame: Buffer): void {
    // Whoever waits for it is told with the others, so it stays among them.
    if (frame.readInt32BE(4) !== this.pending[0]!.id) throw new WireFault("belongs to another request");
    this.pending.shift()!.resolve(frame.subarray(8));
  }

  private async learnVersions(): Promise<void> {
    const versions = await this.request(API_VERSIONS, 0, () => {}, (reader) => {
      const error = reader.int16();
      if (error !== 0) throw brokerError(this.name, error);
      return reader.array(() => {
        const key = reader.int16();
        // Old versions that it no longer has are not known here either.
        reader.int16();
        return [key, reader.int16()] as const;
      });
    }, { maxBytes: LOGIN_MAX_BYTES, silenceMs: LOGIN_SILENCE_MAX_MS });
    this.versions = new Map(versions);
  }

  private async logIn(login: KafkaLogin): Promise<void> {
    const limits = { maxBytes: LOGIN_MAX_BYTES, silenceMs: LOGIN_SILENCE_MAX_MS };
    const mechanism = login.mechanism.toUpperCase();
    await this.request(SASL_HANDSHAKE, 1, (writer) => writer.string(mechanism), (reader) => {
      const error = reader.int16();
      if (error !== 0) throw brokerError(this.name, error);
    }, limits);
    const send = (token: Uint8Array) =>
      this.request(SASL_AUTHENTICATE, 0, (writer) => writer.block(token), (reader) => {
        const error = reader.int16();
        if (error !== 0) throw brokerError(this.name, error);
        // A message may be there, and it may hold what was sent.
        reader.string();
        return reader.block() ?? new Uint8Array(0);
      }, limits);
    try {
      await logIn(login, send);
    } catch (error) {
      if (!(error instanceof LoginFault)) throw error;
      throw new SourceError("refused", `${this.name}: ${error.message}`);
    }
  }

  private fail(error: SourceError): void {
    if (this.failure !== undefined) return;
    this.failure = error;
    this.socket.destroy();
    for (const { reject } of this.pending.splice(0)) reject(error);
  }
}

/**
 * The error of a connection that was ended before it was used. With TLS 1.3 that is how a broker may answer
 * where a certificate is missing.
 */
function orForACertificate(error: unknown): unknown {
  if (!(error instanceof SourceError) || !/closed the connection|reset|EPIPE/i.test(error.message)) {
    return error;
  }
  const message = `${error.message}: if it wants a certificate of the client, ${CERTIFICATE_ADVICE}`;
  return new SourceError(error.kind, message, undefined, { cause: error });
}
