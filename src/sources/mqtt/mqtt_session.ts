import { Buffer } from "node:buffer";
import { BEGINNING_BYTES, type BusRecord, lengthProblem } from "../../codec/bus_records.ts";
import { SourceError } from "../../contract/source.ts";
import type { Logger } from "../../platform/log/logger.ts";
import { BodyReader } from "./body_reader.ts";
import { InFlight } from "./in_flight.ts";
import { type Introduced, Introduction, TOPIC_ALIAS_MAXIMUM } from "./introduction.ts";
import type { MqttConnection } from "./mqtt_connection.ts";
import { sourceErrorOf } from "./mqtt_errors.ts";
import { type MqttOptions, STATUS_TOPICS } from "./mqtt_options.ts";
import type { MqttPosition } from "./mqtt_position.ts";
import type { Packet } from "./packet_cutter.ts";
import { PacketIds } from "./packet_ids.ts";
import { aPacket, type ProtocolLevel, PUBLISH, PUBREL } from "./packet_types.ts";
import { acknowledgements, disconnectPacket, type OwnMessage, publishPacket } from "./packet_writer.ts";
import type { Publication } from "./publication.ts";
import { PublicationReader } from "./publication_reader.ts";
import { subscribe } from "./subscribing.ts";
import { Subscriptions } from "./subscriptions.ts";
import { WireFault } from "./wire_fault.ts";

/** Bytes that wait to be taken in at most, roughly. Beyond them, nothing is taken from the network. */
const WAITING_MAX_BYTES = 32 * 1024 * 1024;

/** The session of a source at its broker, over one connection after the other. */
export class MqttSession {
  readonly inFlight = new InFlight();
  /** Called for each connection, before a message of it is looked at. */
  connected: (() => void) | undefined;
  private readonly introduction = new Introduction();
  private connection: MqttConnection | undefined;
  private news = Promise.withResolvers<void>();
  private hasWarned = false;
  /** Whether retained messages are passed over: an earlier connection has brought them. */
  private passesRetained = false;
  private wasTakenOver = false;
  private readonly subscriptions: Subscriptions;

  constructor(private options: MqttOptions, private readonly logger: Logger) {
    this.subscriptions = new Subscriptions(options.filters);
  }

  /** Takes other credentials, from the next connection on. */
  change(options: MqttOptions): void {
    this.options = options;
  }

  /**
   * Notes that there was no CONNECT since the session of the position was seen. Else a broker that had lost
   * it may have made an empty one, which it then says is there.
   */
  trust(): void {
    this.introduction.mayBeUnanswered = false;
  }

  /**
   * Connects and subscribes.
   *
   * @param from Undefined: nothing was read yet.
   * @returns `lost`: the broker no longer has the session. There is no connection then.
   * @throws {SourceError}
   */
  async connect(from: MqttPosition | undefined, signal: AbortSignal): Promise<"ready" | "lost"> {
    const { options } = this;
    const isNew = from?.ids === undefined;
    this.drop(new SourceError("unavailable", "another connection is made"));
    this.inFlight.restart(from?.step ?? 0, from?.ids ?? new PacketIds());
    const found = await this.introduce(false, signal);
    const { connection, isSessionPresent } = found;
    connection.ended = () => this.ended(connection);
    if (connection.failure !== undefined) this.ended(connection);
    if (!isSessionPresent && !isNew) {
      // The loss is seen, whether or not the broker does it.
      await this.discard(found, signal).catch(() => {});
      return "lost";
    }
    const isInDoubt = !isNew && this.introduction.mayBeUnanswered;
    const mayBeEmpty = isInDoubt && await this.isQuiet(connection, signal);
    if (mayBeEmpty && !from.ids.isEmpty) {
      // A broker sends what it has begun at once. So the ids belong to a session that is gone.
      await connection.close();
      return "lost";
    }
    if (mayBeEmpty) this.warnOfDoubt();
    if (isNew) this.passesRetained = false;
    else if (mayBeEmpty) this.passesRetained = connection.level === 4;
    // A broker of MQTT 3.1.1 sends all retained messages again for each SUBSCRIBE.
    if (connection.level === 5 || isNew || mayBeEmpty || from.qos !== options.qos) {
      const retainHandling = options.startsAtEnd ? 2 : 1;
      try {
        await subscribe(connection, this.subscriptions, options.qos, retainHandling, signal);
      } catch (error) {
        connection.fail(error as SourceError);
        throw error;
      }
    }
    this.connection = connection;
    this.trust();
    this.announce("online");
    this.connected?.();
    return "ready";
  }

  /** Whether another client has had the session since this was asked last. */
  takeOver(): boolean {
    const was = this.wasTakenOver;
    this.wasTakenOver = false;
    return was;
  }

  /** Whether a reader may go on at that step, with the connection that there is. */
  isAt(step: number): boolean {
    const { connection } = this;
    return connection !== undefined && connection.failure === undefined && this.inFlight.has(step);
  }

  /** @throws {SourceError} once, where the connection has ended. */
  assertAlive(): void {
    const failure = this.connection?.failure;
    if (failure === undefined) return;
    this.connection = undefined;
    throw failure;
  }

  /** Notes that all steps before this one were taken in. */
  settle(step: number): void {
    this.inFlight.settle(step);
    this.regulate();
  }

  /** Acknowledges all steps before this one, which are on disk. Resolves once the broker has read that. */
  async committed(step: number): Promise<void> {
    const answers = this.inFlight.acknowledge(step);
    this.regulate();
    const { connection } = this;
    if (connection === undefined || answers.length === 0) return;
    connection.send(acknowledgements(answers));
    // Where the connection ends before, the broker sends again what it has not read.
    await connection.ping(new AbortController().signal).catch(() => {});
    if (this.inFlight.isUsedUp) connection.fail(sourceErrorOf(connection.name, this.reuse()));
  }

  /** Publishes a message with QoS 0, if there is a connection. */
  publish(message: OwnMessage): void {
    const { connection } = this;
    connection?.send(publishPacket(connection.level, message));
  }

  /** Resolves when something more has come, or when the connection has ended. For one who waits at a time. */
  arrival(): Promise<void> {
    this.news = Promise.withResolvers();
    if (this.connection?.failure !== undefined) this.news.resolve();
    return this.news.promise;
  }

  /** Resolves once everything has come that the broker has sent by now, or when the connection has ended. */
  async ping(signal: AbortSignal): Promise<void> {
    await this.connection?.ping(signal).catch(() => {});
  }

  /** Leaves the broker. The session stays there. */
  async close(): Promise<void> {
    const { connection } = this;
    this.connection = undefined;
    if (connection === undefined || connection.failure !== undefined) return;
    const { statusTopic: topic } = this.options;
    const { level } = connection;
    const status = { topic: topic ?? "", payload: "offline", isRetained: true };
    const lastWords = topic === undefined ? [] : [publishPacket(level, status)];
    await connection.close(Buffer.concat([...lastWords, disconnectPacket(level, false)]));
  }

  private ended({ wasTakenOver }: MqttConnection): void {
    this.wasTakenOver ||= wasTakenOver;
    this.news.resolve();
  }

  private introduce(isClean: boolean, signal: AbortSignal): Promise<Introduced> {
    const visitor = { suffix: "", isClean, will: isClean ? "none" : "retained" } as const;
    const received = (level: ProtocolLevel) => {
      const publications = new PublicationReader(level, TOPIC_ALIAS_MAXIMUM);
      return (packet: Packet) => this.take(packet, publications);
    };
    return this.introduction.introduce(this.options, visitor, received, this.logger, signal);
  }

  /** Whether nothing comes without a SUBSCRIBE: from an empty session, nothing does. @throws {SourceError} */
  private async isQuiet(connection: MqttConnection, signal: AbortSignal): Promise<boolean> {
    await connection.ping(signal);
    return this.inFlight.unacknowledged === 0;
  }

  /**
   * Makes the broker forget the empty session that it has just made. Otherwise it would have a session at the
   * next connection, and the loss of the one before would not show after a crash.
   */
  private async discard({ connection }: Introduced, signal: AbortSignal): Promise<void> {
    const { level } = connection;
    await connection.close(disconnectPacket(level, true));
    if (level === 5) return;
    const cleaner = await this.introduce(true, signal);
    await cleaner.connection.close();
  }

  private announce(payload: "online" | "offline"): void {
    const { statusTopic: topic } = this.options;
    if (topic !== undefined) this.publish({ topic, payload, isRetained: true });
  }

  /** Of a broker that has used a packet id again before it was free. */
  private reuse(): WireFault {
    return new WireFault(
      `uses the packet id ${this.inFlight.reusedId} again before it is free: it has given ids to more ` +
        "messages than there are ids (Mosquitto: max_inflight_messages must not be 0; 2.0.11 also does so " +
        "when it starts and more than 65,535 messages wait). What came before is counted, and the rest is " +
        "asked for on another connection",
    );
  }

  private drop(error: SourceError): void {
    this.connection?.fail(error);
    this.connection = undefined;
  }

  /** @throws {WireFault} */
  private take(packet: Packet, publications: PublicationReader): void {
    const { body, type } = packet;
    if (type === PUBLISH) {
      const publication = publications.read(packet);
      this.inFlight.receive(publication, this.recordOf(publication));
      if (this.inFlight.isUsedUp) throw this.reuse();
      // Sparkplug wants its data published so, and its sequence numbers show what is lost.
      if (publication.qos === 0 && this.options.sparkplug === undefined) this.warn(publication);
    } else if (type === PUBREL) this.inFlight.release(new BodyReader(body).uint16());
    else throw new WireFault(`sends ${aPacket(type)}, which nothing here has asked for`);
    this.regulate();
    // What is known already is no step.
    if (this.inFlight.count > 0) this.news.resolve();
  }

  /** Undefined: it is no event. */
  private recordOf(publication: Publication): BusRecord | undefined {
    const { isRetained, isUtf8, length, payload, topic, traceparent } = publication;
    const { clock, startsAtEnd, statusTopic } = this.options;
    if (length === 0 || (isRetained && (startsAtEnd || this.passesRetained))) return undefined;
    if (topic === statusTopic || topic.startsWith(STATUS_TOPICS)) return undefined;
    if (this.subscriptions.isCopy(topic, publication.subscriptions)) return undefined;
    const tooLong = lengthProblem(length);
    const problem = isUtf8 ? tooLong : "its topic is not UTF-8";
    const bytes = tooLong === undefined ? payload : payload.subarray(0, BEGINNING_BYTES);
    return { topic, bytes, problem, arrivedMs: clock.nowMs(), traceparent };
  }

  private warnOfDoubt(): void {
    this.logger.warn(
      "the handler ended, or lost the broker, before it was on disk that they were connected, and nothing " +
        "waits there now: if the broker had lost the session by then, what was published meanwhile is lost",
      { bus: this.options.name },
    );
  }

  private warn({ topic }: Publication): void {
    if (this.hasWarned) return;
    this.hasWarned = true;
    this.logger.warn(
      "messages come with QoS 0: a broker sends such a message once, so that it is lost when the handler " +
        "or the connection dies; publish with QoS 1 or 2",
      { bus: this.options.name, topic },
    );
  }

  /** Stops taking from the network while there is too much that was not taken in. */
  private regulate(): void {
    const { connection } = this;
    if (connection !== undefined) connection.isPaused = this.inFlight.bytes > WAITING_MAX_BYTES;
  }
}
