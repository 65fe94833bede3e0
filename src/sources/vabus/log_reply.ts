import { ReplyFormatError } from "../../codec/json_bytes.ts";
import { headOf } from "../../codec/reply_scanner.ts";
import { SourceError } from "../../contract/source.ts";
import type { FetchReply } from "./bus_log.ts";

/** Whether the reply itself is at fault, so that one with fewer events may be readable. */
export function isUnreadable(error: unknown): error is ReplyFormatError | SourceError {
  return error instanceof ReplyFormatError || (error instanceof SourceError && error.kind === "incomplete");
}

/** The bus contradicts itself. */
export function contradiction(said: string): SourceError {
  return new SourceError("garbage", said);
}

/** The identity of the event log that a reply is of; undefined: its head cannot be read. */
export function logOf(reply: FetchReply): string | undefined {
  return reply.kind === "events" ? headOf(reply.body)?.log : reply.log;
}
