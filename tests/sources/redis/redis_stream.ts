import { readerFor } from "../../../src/codec/mapping/record_reader.ts";
import { systemClock } from "../../../src/platform/clock/clock.ts";
import { RedisSource, type RedisSourceOptions } from "../../../src/sources/redis/redis_source.ts";
import type { RedisConnection } from "../../../src/sources/redis/redis_connection.ts";
import { connectToRedis, type RedisServerProcess } from "../../support/redis_server.ts";

const BOUNDS = { maxBytes: 1 << 20, maxItems: 1000 };
/** Commands that are sent together. */
const TOGETHER = 1000;
let streams = 0;

/** A stream of its own on a server, as producers and operators see it. */
export class RedisStream {
  private constructor(
    readonly key: string,
    private readonly port: number,
    readonly connection: RedisConnection,
  ) {}

  /** @param key Of a stream that may be there already. */
  static async create(
    { port }: Pick<RedisServerProcess, "port">,
    key = `stream:${streams++}`,
  ): Promise<RedisStream> {
    const stream = new RedisStream(key, port, await connectToRedis(port));
    await stream.makeEmpty();
    return stream;
  }

  /** Where sources of a stream that is made by other means find it. */
  static at(port: number, key: string): Pick<RedisStream, "createSource"> {
    return new RedisStream(key, port, undefined as never);
  }

  createSource(options: Partial<RedisSourceOptions> = {}): RedisSource {
    return new RedisSource({
      name: `redis://127.0.0.1:${this.port}/${this.key}`,
      endpoint: { kind: "server", address: { host: "127.0.0.1", port: this.port } },
      access: { tls: undefined, login: undefined, database: 0 },
      keys: [this.key],
      share: undefined,
      field: undefined,
      trims: false,
      startsAtEnd: false,
      reader: readerFor({ format: "json" }),
      clock: systemClock,
      ...options,
    });
  }

  /** Adds entries, each given by its fields, with ids of the server's clock. */
  async add(...entries: readonly Readonly<Record<string, string | number>>[]): Promise<void> {
    for (let at = 0; at < entries.length; at += TOGETHER) {
      await this.send(
        entries.slice(at, at + TOGETHER).map((
          fields,
        ) => ["XADD", this.key, "*", ...Object.entries(fields).flat()]),
      );
    }
  }

  /** Carries out commands. @throws Where one of them fails. */
  async send(commands: readonly (readonly (string | number)[])[]): Promise<void> {
    const replies = await this.connection.send(commands, commands.map(() => BOUNDS));
    for (const reply of replies) this.connection.checked(reply);
  }

  /** Deletes the oldest entries, so that `left` stay. */
  async trimTo(left: number): Promise<void> {
    await this.send([["XTRIM", this.key, "MAXLEN", left]]);
  }

  /** Deletes the stream and makes it again, without entries. */
  async makeAgain(): Promise<void> {
    await this.send([["DEL", this.key]]);
    await this.makeEmpty();
  }

  async remove(): Promise<void> {
    await this.send([["DEL", this.key]]);
    this.connection.close();
  }

  private async makeEmpty(): Promise<void> {
    await this.send([["XGROUP", "CREATE", this.key, "g", "$", "MKSTREAM"], [
      "XGROUP",
      "DESTROY",
      this.key,
      "g",
    ]]);
  }
}
