import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import { systemClock } from "../../../src/platform/clock/clock.ts";
import type { NatsConnection } from "../../../src/sources/nats/nats_connection.ts";
import { NatsSource, type NatsSourceOptions } from "../../../src/sources/nats/nats_source.ts";
import type { NatsServerProcess } from "../../support/nats_server.ts";

/** Messages that wait for their confirmation at once. */
const TOGETHER = 256;
let streams = 0;

/** A message as it is published. */
export interface Published {
  /** Below the stream's own; left out: `e`. */
  readonly subject?: string;
  readonly body: string;
}

/** A stream of its own on a server, as producers and operators see it. */
export class NatsStream {
  private constructor(
    readonly name: string,
    private readonly server: Pick<NatsServerProcess, "address" | "connect">,
    private connection: NatsConnection,
    private readonly config: object,
  ) {}

  /** @param config More of the stream's configuration. */
  static async create(
    server: Pick<NatsServerProcess, "address" | "connect">,
    config: object = {},
    name = `S${streams++}`,
  ): Promise<NatsStream> {
    const stream = new NatsStream(name, server, await server.connect(), config);
    await stream.make();
    return stream;
  }

  createSource(options: Partial<NatsSourceOptions> = {}): NatsSource {
    return new NatsSource({
      name: `nats://127.0.0.1:${this.server.address.port}/${this.name}`,
      servers: [this.server.address],
      access: { tls: undefined, login: undefined },
      choice: { stream: this.name, subjects: [], domain: undefined },
      startsAtEnd: false,
      reader: undefined,
      clock: systemClock,
      ...options,
    });
  }

  /** What a source reads where not all subjects are wanted. */
  choose(...subjects: readonly string[]): Pick<NatsSourceOptions, "choice"> {
    return {
      choice: {
        stream: this.name,
        subjects: subjects.map((one) => `${this.name}.${one}`),
        domain: undefined,
      },
    };
  }

  /** Publishes messages, in their order, and waits until all are confirmed. */
  async publish(...messages: readonly Published[]): Promise<void> {
    for (let at = 0; at < messages.length; at += TOGETHER) {
      const part = messages.slice(at, at + TOGETHER);
      await Promise.all(part.map(({ body, subject = "e" }) => this.ask(`${this.name}.${subject}`, body)));
    }
  }

  /** Removes the messages before a sequence. */
  async trimBefore(sequence: number): Promise<void> {
    await this.ask(`$JS.API.STREAM.PURGE.${this.name}`, JSON.stringify({ seq: sequence }));
  }

  async deleteMessage(sequence: number): Promise<void> {
    await this.ask(`$JS.API.STREAM.MSG.DELETE.${this.name}`, JSON.stringify({ seq: sequence }));
  }

  async makeAgain(): Promise<void> {
    await this.remove();
    this.connection = await this.server.connect();
    await this.make();
  }

  async remove(): Promise<void> {
    await this.ask(`$JS.API.STREAM.DELETE.${this.name}`, "");
    this.connection.close();
  }

  /** Ends the connection, and leaves the stream. */
  leave(): void {
    this.connection.close();
  }

  private async make(): Promise<void> {
    const config = { name: this.name, subjects: [`${this.name}.>`], ...this.config };
    await this.ask(`$JS.API.STREAM.CREATE.${this.name}`, JSON.stringify(config));
  }

  /** @throws Where the answer is an error. */
  private async ask(subject: string, body: string): Promise<void> {
    const { payload, status } = await this.connection.request(subject, body);
    assert.equal(status, undefined, `${subject} is answered ${status}`);
    const answer = JSON.parse(Buffer.from(payload).toString());
    assert.equal(answer.error, undefined, `${subject} is answered ${JSON.stringify(answer.error)}`);
  }
}
