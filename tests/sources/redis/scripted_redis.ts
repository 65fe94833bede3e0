/** A Redis over no network, whose one stream is a test's. */
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { RedisConnection } from "../../../src/sources/redis/redis_connection.ts";

const NEVER = new AbortController().signal;

export type Fields = readonly (string | Uint8Array)[];

export function bulk(text: string | Uint8Array): Buffer {
  const bytes = Buffer.from(text as string);
  return Buffer.concat([Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from("\r\n")]);
}

export function array(...items: readonly (string | Uint8Array)[]): Buffer {
  return Buffer.concat([
    Buffer.from(`*${items.length}\r\n`),
    ...items.map((item) => Buffer.from(item as string)),
  ]);
}

function partsOf(id: string): readonly [bigint, bigint] {
  const [ms, number] = id.split("-");
  return [BigInt(ms!), BigInt(number!)];
}

/** The stream of a server: its entries in their order, and what it remembers of those that are gone. */
export class ScriptedRedis {
  entries: { readonly id: string; readonly fields: Fields }[] = [];
  added = 0;
  lastId = "0-0";
  isThere = true;
  /** The commands that were sent, as texts. */
  readonly asked: string[] = [];
  /** Answers that stand in for its own, by the first word of the command; undefined: none. */
  instead: (command: readonly string[]) => string | Buffer | undefined = () => undefined;
  readonly sleeps: number[] = [];
  private woken: (() => void)[] = [];
  private queue: string[][] | undefined;

  add(id: string, ...fields: Fields): void {
    this.entries.push({ id, fields: fields.length === 0 ? ["v", id] : fields });
    this.added++;
    this.lastId = id;
  }

  /** The client's side of a connection. */
  socket(): Socket {
    let received = Buffer.alloc(0);
    const socket = new Duplex({
      read() {},
      write: (chunk, _encoding, done) => {
        received = Buffer.concat([received, chunk]);
        const answers = commandsIn(received).map((command) => this.answer(command));
        received = Buffer.alloc(0);
        if (answers.length > 0) socket.push(Buffer.concat(answers.map((one) => Buffer.from(one as string))));
        done();
      },
    });
    return socket as unknown as Socket;
  }

  async connect(
    access: { username?: string; password?: string; database?: number } = {},
  ): Promise<RedisConnection> {
    const socket = this.socket();
    const { database = 0, password, username } = access;
    const login = password === undefined ? undefined : { username, password };
    const sleep = (ms: number, signal?: AbortSignal) => {
      this.sleeps.push(ms);
      return new Promise<void>((resolve) => {
        this.woken.push(resolve);
        signal?.addEventListener("abort", () => resolve());
      });
    };
    const connect = () => Promise.resolve(socket);
    return await RedisConnection.open(
      { host: "r", port: Number("6379") },
      { connect, database, login, tls: undefined },
      { sleep },
      NEVER,
    );
  }

  /** Ends all sleeps, and lets who slept go on. */
  async wake(): Promise<void> {
    for (const resolve of this.woken.splice(0)) resolve();
    for (let turn = 0; turn < 9; turn++) await Promise.resolve();
  }

  private answer(command: string[]): string | Buffer {
    this.asked.push(command.join(" "));
    const found = this.instead(command);
    if (found !== undefined) return found;
    const [name] = command;
    if (name === "MULTI") {
      this.queue = [];
      return "+OK\r\n";
    }
    if (name === "EXEC") {
      const { queue } = this;
      this.queue = undefined;
      return array(...queue!.map((one) => this.result(one)));
    }
    if (this.queue !== undefined) {
      this.queue.push(command);
      return "+QUEUED\r\n";
    }
    return this.result(command);
  }

  private result(command: readonly string[]): Buffer {
    const found = this.instead(["=", ...command]);
    if (found !== undefined) return Buffer.from(found as string);
    const [name, , from, to, , count] = command;
    switch (name) {
      case "XRANGE":
        return array(...this.range(from!, to!).slice(0, Number(count ?? Infinity)).map(entryOf));
      case "XINFO":
        return this.isThere ? this.info() : Buffer.from("-ERR no such key\r\n");
      case "TIME":
        return array(bulk("12"), bulk("345678"));
      case "XREAD":
        return Buffer.from("*-1\r\n");
      default:
        return Buffer.from("+OK\r\n");
    }
  }

  private range(from: string, to: string) {
    if (from === "+") return [];
    const [ms, number] = partsOf(from.replace("(", ""));
    return this.entries.filter(({ id }) => {
      if (to !== "+") return id === to;
      const [entryMs, entryNumber] = partsOf(id);
      return entryMs > ms || (entryMs === ms && entryNumber > number);
    });
  }

  private info(): Buffer {
    const [oldest] = this.entries;
    return array(
      bulk("length"),
      `:${this.entries.length}\r\n`,
      bulk("last-generated-id"),
      bulk(this.lastId),
      bulk("entries-added"),
      `:${this.added}\r\n`,
      bulk("first-entry"),
      oldest === undefined ? "*-1\r\n" : entryOf(oldest),
    );
  }
}

export function entryOf({ id, fields }: { readonly id: string; readonly fields: Fields }): Buffer {
  return array(bulk(id), array(...fields.map(bulk)));
}

function commandsIn(bytes: Buffer): string[][] {
  const lines = bytes.toString().split("\r\n");
  const commands: string[][] = [];
  for (let at = 0; at < lines.length - 1;) {
    const count = Number(lines[at++]!.slice(1));
    commands.push(Array.from({ length: count }, () => lines[(at += 2) - 1]!));
  }
  return commands;
}
