import type { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { SourceError } from "../../contract/source.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import {
  type ConnectSocket,
  connectSocket,
  type ServerAddress,
  type TlsTexts,
} from "../../platform/net/server_socket.ts";
import { BodyReader } from "./body_reader.ts";
import { refusal, sourceErrorOf } from "./mqtt_errors.ts";
import { type Packet, PacketCutter } from "./packet_cutter.ts";
import { aPacket, CONNACK, DISCONNECT, PINGRESP, type ProtocolLevel } from "./packet_types.ts";
import { disconnectPacket, PING } from "./packet_writer.ts";
import { SESSION_TAKEN_OVER } from "./reason_codes.ts";
import { WireFault } from "./wire_fault.ts";

const CONNECT_MAX_MS = 10_000;
/** How long a broker may take for the answer to a request. */
const ANSWER_MAX_MS = 20_000;

/** Where a broker is, and how it is reached. */
export interface BrokerAccess extends ServerAddress {
  /** Undefined: no TLS. */
  readonly tls: TlsTexts | undefined;
  /** Not there: over the network. */
  readonly connect?: ConnectSocket;
}

interface Awaited {
  readonly type: number;
  readonly resolve: (packet: Packet) => void;
  readonly reject: (error: SourceError) => void;
}

/**
 * A connection to a broker: packets, requests and their answers, and the pulse that shows whether it lives.
 * Any fault ends it: who needs it makes another one.
 */
export class MqttConnection {
  /** Called for each packet that answers no request. */
  received: (packet: Packet) => void = () => {};
  /** Called once, when the connection has ended. */
  ended: () => void = () => {};
  /** Whether the broker has sent anything. */
  hasHeard = false;
  /** Whether it has answered the CONNECT. */
  isAnswered = false;
  /** Whether it has ended since another client has the session now. Only a broker of MQTT 5 says so. */
  wasTakenOver = false;
  /** Whether the broker tells by which subscriptions it sends a message. */
  tellsSubscriptions: boolean;
  private isHalted = false;
  private awaited: Awaited[] = [];
  private fault: SourceError | undefined;
  private readonly over = new AbortController();

  private constructor(
    readonly name: string,
    readonly level: ProtocolLevel,
    private readonly socket: Socket,
    private readonly clock: Pick<Clock, "sleep">,
  ) {
    this.tellsSubscriptions = level === 5;
    const cutter = new PacketCutter((packet) => this.take(packet));
    socket.on("data", (chunk: Buffer) => {
      if (this.fault !== undefined) return;
      this.hasHeard = true;
      try {
        cutter.take(chunk);
      } catch (error) {
        this.fail(sourceErrorOf(name, error));
      }
    });
    socket.on("error", (error) => this.fail(sourceErrorOf(name, error)));
    const closed =
      `${name} has closed the connection; where it does so again and again, another handler may ` +
      "have the same INSTANCE_ID";
    socket.on("close", () => this.fail(new SourceError("unavailable", closed)));
  }

  /** Connects, and says nothing yet. @throws {SourceError} */
  static async open(
    { connect = connectSocket, host, port, tls }: BrokerAccess,
    level: ProtocolLevel,
    clock: Pick<Clock, "sleep">,
    signal: AbortSignal,
  ): Promise<MqttConnection> {
    const name = `the broker at ${host}:${port}`;
    try {
      const socket = await connect({ host, port }, tls, CONNECT_MAX_MS, clock, signal);
      return new MqttConnection(name, level, socket, clock);
    } catch (error) {
      throw sourceErrorOf(name, error);
    }
  }

  /** Why it has ended; undefined: it has not. */
  get failure(): SourceError | undefined {
    return this.fault;
  }

  send(bytes: Buffer): void {
    if (this.fault === undefined) this.socket.write(bytes);
  }

  /** Sends a request and waits for the packet of that type. @throws {SourceError} */
  async request(bytes: Buffer, answer: number, signal: AbortSignal): Promise<Packet> {
    if (this.fault !== undefined) throw this.fault;
    const { promise, resolve, reject } = Promise.withResolvers<Packet>();
    this.awaited.push({ type: answer, resolve, reject });
    this.send(bytes);
    const answered = new AbortController();
    const stop = () => this.fail(new SourceError("unavailable", `waiting for ${this.name} was called off`));
    signal.addEventListener("abort", stop, { signal: answered.signal });
    if (signal.aborted) stop();
    void this.giveUpAfter(ANSWER_MAX_MS, answered.signal);
    try {
      return await promise;
    } finally {
      answered.abort();
    }
  }

  /** Whether packets are taken from the network. Those that the kernel has wait meanwhile. */
  set isPaused(isPaused: boolean) {
    if (isPaused === this.isHalted) return;
    this.isHalted = isPaused;
    if (isPaused) this.socket.pause();
    else this.socket.resume();
  }

  /**
   * Pings the broker so often that neither side takes the other one for dead. A ping that is not answered
   * ends the connection.
   *
   * @param keepAliveMs What the two have agreed on; 0: nothing is sent.
   */
  async keepAlive(keepAliveMs: number): Promise<void> {
    const { signal } = this.over;
    while (keepAliveMs > 0) {
      await this.clock.sleep(keepAliveMs / 2, signal);
      if (signal.aborted) return;
      void this.ping(signal).catch(() => {});
    }
  }

  /** Resolves once everything has come that the broker had sent by now. @throws {SourceError} */
  async ping(signal: AbortSignal): Promise<void> {
    await this.request(PING, PINGRESP, signal);
  }

  /** Ends it as the protocol wants it, and waits until the broker has it, a second at most. */
  async close(lastWords: Buffer = disconnectPacket(this.level, false)): Promise<void> {
    if (this.fault !== undefined) return;
    const closed = Promise.withResolvers<void>();
    this.ended = () => closed.resolve();
    this.socket.resume();
    this.socket.end(lastWords);
    const timeUp = new AbortController();
    await Promise.race([closed.promise, this.clock.sleep(1000, timeUp.signal)]);
    timeUp.abort();
    this.fail(new SourceError("unavailable", `the connection to ${this.name} was closed`));
  }

  /** Ends it at once. */
  fail(error: SourceError): void {
    if (this.fault !== undefined) return;
    this.fault = error;
    this.over.abort();
    this.socket.destroy();
    for (const { reject } of this.awaited.splice(0)) reject(error);
    this.ended();
  }

  /** Ends it when an answer takes too long. While nothing is taken from the network, none can be seen. */
  private async giveUpAfter(maxMs: number, answered: AbortSignal): Promise<void> {
    do await this.clock.sleep(maxMs, answered); while (this.isHalted && !answered.aborted);
    if (answered.aborted) return;
    this.fail(
      new SourceError("unavailable", `${this.name} has not answered for ${maxMs / 1000} seconds`),
    );
  }

  private take(packet: Packet): void {
    // A fault that one packet has shown is the end of those behind it.
    if (this.fault !== undefined) return;
    const { type } = packet;
    if (!this.isAnswered && type !== CONNACK) {
      throw new WireFault(`sends ${aPacket(type)} before it has answered the CONNECT`);
    }
    this.isAnswered = true;
    if (type === DISCONNECT) return this.fail(this.farewellOf(packet));
    const i = this.awaited.findIndex((one) => one.type === type);
    if (i >= 0) return this.awaited.splice(i, 1)[0]!.resolve(packet);
    this.received(packet);
  }

  private farewellOf({ body }: Packet): SourceError {
    if (this.level === 4) return sourceErrorOf(this.name, new WireFault("sends a DISCONNECT, which is ours"));
    const code = body.length === 0 ? 0 : new BodyReader(body).uint8();
    this.wasTakenOver = code === SESSION_TAKEN_OVER;
    return refusal(this.name, "ends the connection", code);
  }
}
