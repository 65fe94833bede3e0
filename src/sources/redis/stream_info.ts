import { Buffer } from "node:buffer";
import { hashBytes, hashWord } from "../../event/text_hash.ts";
import { entryIdIn } from "./entry_id.ts";
import { LEAST_KEPT_BYTES, LongText, type Reply, RespFault } from "./resp_reader.ts";
import type { EntryMark } from "./stream_position.ts";

/** An entry of a stream. */
export interface Entry {
  readonly id: string;
  /** Its fields, each followed by its value. */
  readonly fields: readonly (Uint8Array | LongText)[];
}

/** What a server says of a stream at one moment. */
export interface StreamInfo {
  /** How many entries it has. */
  readonly length: number;
  /** How many it ever had. */
  readonly added: number;
  /** The id of the entry that was added last; `0-0`: none ever was. */
  readonly lastId: string;
  readonly oldest: EntryMark | undefined;
}

/** Reads the answer to XRANGE. @throws {RespFault} */
export function entriesIn(reply: Reply): Entry[] {
  if (!Array.isArray(reply)) throw new RespFault("has no entries where some belong");
  return reply.map(entryIn);
}

/** Reads the answer to TIME, Unix ms; undefined: it is none. */
export function timeIn(reply: Reply): number | undefined {
  if (!Array.isArray(reply) || reply.length !== 2) return undefined;
  const [seconds, micros] = reply.map((part) => part instanceof Uint8Array ? Number(textIn(part)) : NaN);
  const nowMs = Math.floor(seconds! * 1000 + micros! / 1000);
  return Number.isSafeInteger(nowMs) ? nowMs : undefined;
}

/** Reads the answer to XINFO STREAM. @throws {RespFault} */
export function streamInfoIn(reply: Reply): StreamInfo {
  if (!Array.isArray(reply)) throw new RespFault("does not describe the stream");
  const found = new Map<string, Reply>();
  for (let i = 0; i + 1 < reply.length; i += 2) found.set(textIn(reply[i]!), reply[i + 1]!);
  const added = found.get("entries-added");
  if (added === undefined) {
    throw new RespFault(
      "does not say how many entries the stream ever had: Redis 7.0 or newer, or Valkey, is needed",
    );
  }
  const first = found.get("first-entry") ?? null;
  return {
    length: countIn(found.get("length")),
    added: countIn(added),
    lastId: idIn(found.get("last-generated-id") ?? null),
    oldest: first === null ? undefined : markOf(entryIn(first)),
  };
}

/** Whether nothing was added or removed between two looks at a stream. */
export function isSameMoment(one: StreamInfo, other: StreamInfo): boolean {
  return one.added === other.added && one.length === other.length && one.lastId === other.lastId &&
    one.oldest?.id === other.oldest?.id && one.oldest?.hash === other.oldest?.hash;
}

/** What an entry is known again by: of long texts, as much as is kept in any case. */
export function markOf({ id, fields }: Entry): EntryMark {
  let hash = 0;
  for (const field of fields) {
    const bytes = field instanceof LongText ? field.beginning : field;
    const kept = Math.min(bytes.length, LEAST_KEPT_BYTES);
    hash = hashWord(hashWord(hash, field.length), hashBytes(bytes, 0, kept));
  }
  return { id, hash: (hash >>> 0).toString(16) };
}

function entryIn(reply: Reply): Entry {
  if (!Array.isArray(reply) || reply.length !== 2) throw new RespFault("has an entry that is none");
  const [id, fields] = reply as [Reply, Reply];
  if (!Array.isArray(fields) || fields.length === 0 || fields.length % 2 !== 0) {
    throw new RespFault("has an entry without fields");
  }
  for (const field of fields) {
    if (!(field instanceof Uint8Array || field instanceof LongText)) {
      throw new RespFault("has an entry with a field that is no text");
    }
  }
  return { id: idIn(id), fields: fields as (Uint8Array | LongText)[] };
}

function idIn(reply: Reply): string {
  const text = textIn(reply);
  if (entryIdIn(text) === undefined) throw new RespFault("has an entry id that is none");
  return text;
}

function textIn(reply: Reply): string {
  if (reply instanceof Uint8Array) {
    return Buffer.from(reply.buffer, reply.byteOffset, reply.length).toString("latin1");
  }
  if (typeof reply === "string") return reply;
  throw new RespFault("has something else where a text belongs");
}

function countIn(reply: Reply | undefined): number {
  if (typeof reply === "number" && Number.isSafeInteger(reply) && reply >= 0) return reply;
  throw new RespFault("has something else where a number belongs");
}
