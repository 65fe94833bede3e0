import { SourceError } from "../../contract/source.ts";
import { idAfter } from "./entry_id.ts";
import type { RedisConnection } from "./redis_connection.ts";
import { isOfFullServer, isOfNoKey } from "./redis_errors.ts";
import {
  LongText,
  type Reply,
  type ReplyBounds,
  RespError,
  RespFault,
  TEXT_MAX_BYTES,
} from "./resp_reader.ts";
import { entriesIn, type Entry, isSameMoment, markOf, type StreamInfo, streamInfoIn } from "./stream_info.ts";
import type { EntryMark } from "./stream_position.ts";

/** Entries behind a position, and the stream at the same moment. */
export interface Look {
  readonly info: StreamInfo;
  readonly entries: readonly Entry[];
  /** Whether these are all entries behind the position. */
  readonly isWhole: boolean;
}

const FIRST_COUNT = 1000;
/** Replies of these sizes are aimed at. Bytes. */
const [SMALL_BYTES, LARGE_BYTES] = [1024 * 1024, 4 * 1024 * 1024];
const BOUNDS: ReplyBounds = { maxBytes: 16 * 1024 * 1024, maxItems: 2_000_000 };
const BLOCK_MAX_MS = 10_000;
/** For the answer to a command that waits. */
const GRACE_MS = 20_000;
const SHORT: ReplyBounds = { maxBytes: 64 * 1024, maxItems: 10 };

type Command = readonly (string | number)[];

/** Reads one stream from a server. */
export class StreamReader {
  /** How many entries are asked for. It follows their size. */
  private count = FIRST_COUNT;

  constructor(private readonly key: string) {}

  /**
   * Reads the entries behind an id, up to `limit`, and at the same moment what there is to know of
   * the stream.
   *
   * @throws {SourceError} `unavailable` also where there is no such stream.
   */
  async look(connection: RedisConnection, after: string, limit: number): Promise<Look> {
    const { key } = this;
    const count = Math.min(this.count, limit);
    // Nothing lies behind the largest id, and no server takes it for the beginning of a range.
    const range = idAfter(after) === undefined ? ["+", "-"] : [`(${after}`, "+"];
    const [entries, info] = await this.atOneMoment(
      connection,
      ["XRANGE", key, ...range, "COUNT", count],
      ["XINFO", "STREAM", key],
    );
    if (info instanceof RespError && isOfNoKey(info.text)) {
      throw new SourceError(
        "unavailable",
        `there is no stream ${key}, or not any more: waiting for its first entry; check the key in VABUS_URL`,
      );
    }
    const found = connection.read(connection.checked(entries!), entriesIn);
    if (found.length > count) throw this.tooMany(connection);
    const kept = this.wholeOf(found);
    return {
      entries: kept,
      info: connection.read(connection.checked(info!), streamInfoIn),
      isWhole: found.length < count && kept.length === found.length,
    };
  }

  /** The entry of that id, in the form in which it is known again; undefined: there is none. */
  async markOf(connection: RedisConnection, id: string): Promise<EntryMark | undefined> {
    const [reply] = await connection.send([["XRANGE", this.key, id, id]], [BOUNDS]);
    const [entry] = connection.read(connection.checked(reply!), entriesIn);
    return entry && markOf(entry);
  }

  /** Waits until there is an entry behind the id, or the time is over. @throws {SourceError} */
  async wait(connection: RedisConnection, after: string, waitMs: number): Promise<void> {
    const blockMs = Math.ceil(Math.min(Math.max(waitMs, 1), BLOCK_MAX_MS));
    const command = ["XREAD", "COUNT", 1, "BLOCK", blockMs, "STREAMS", this.key, after];
    const [reply] = await connection.send([command], [BOUNDS], blockMs + GRACE_MS);
    connection.checked(reply!);
  }

  /** The answers to two commands that are carried out at one moment. */
  private async atOneMoment(connection: RedisConnection, range: Command, info: Command): Promise<Reply[]> {
    const commands = [["MULTI"], range, info, ["EXEC"]];
    const replies = await this.send(connection, commands, [SHORT, SHORT, SHORT, BOUNDS]);
    if (replies.some((reply) => reply instanceof RespError && isOfFullServer(reply.text))) {
      return await this.withoutTransaction(connection, range, info);
    }
    for (const reply of replies) connection.checked(reply);
    return connection.read(replies.at(-1)!, (reply) => {
      if (Array.isArray(reply) && reply.length === 2) return reply;
      throw new RespFault("does not belong to the transaction");
    });
  }

  /** The same of a server whose memory is full: it takes no transaction, and answers single commands. */
  private async withoutTransaction(
    connection: RedisConnection,
    range: Command,
    info: Command,
  ): Promise<Reply[]> {
    const commands = [info, range, info];
    const [before, entries, after] = await this.send(connection, commands, commands.map(() => BOUNDS));
    if (before instanceof RespError) return [entries!, before];
    const read = (reply: Reply) => connection.read(connection.checked(reply), streamInfoIn);
    if (isSameMoment(read(before!), read(after!))) return [entries!, before!];
    throw new SourceError("unavailable", "the stream was changed while it was read, and the server is full");
  }

  private async send(
    connection: RedisConnection,
    commands: readonly Command[],
    bounds: readonly ReplyBounds[],
  ): Promise<Reply[]> {
    try {
      return await connection.send(commands, bounds);
    } catch (error) {
      // Fewer entries are asked for the next time. One alone that is too much stays what it is.
      if (error instanceof SourceError && isTooMuch(error.cause)) throw this.smaller(error);
      throw error;
    }
  }

  private smaller(error: SourceError): SourceError {
    if (this.count === 1) return error;
    this.count = Math.max(1, this.count >> 3);
    return new SourceError("smaller", error.message, undefined, { cause: error.cause });
  }

  /**
   * The entries up to the first that is cut only since the reply is long. The first of all is taken as it
   * is.
   */
  private wholeOf(entries: readonly Entry[]): readonly Entry[] {
    let bytes = 0;
    for (const [i, { fields }] of entries.entries()) {
      for (const field of fields) {
        bytes += field.length;
        if (i > 0 && field instanceof LongText && field.length <= TEXT_MAX_BYTES) {
          this.count = Math.max(1, i >> 1);
          return entries.slice(0, i);
        }
      }
    }
    if (bytes > LARGE_BYTES) this.count = Math.max(1, this.count >> 1);
    else if (bytes < SMALL_BYTES && entries.length >= this.count) this.count *= 2;
    return entries;
  }

  private tooMany(connection: RedisConnection): SourceError {
    connection.close();
    return new SourceError(
      "garbage",
      `stream ${this.key}: the server sends more entries than were asked for`,
    );
  }
}

function isTooMuch(cause: unknown): boolean {
  return cause instanceof RespFault && cause.isTooMuch;
}
