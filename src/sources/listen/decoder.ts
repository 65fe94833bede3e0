import type { RawEvents } from "../../bus/raw_events.ts";
import type { DecodedEvents } from "../../event/decoded_events.ts";
import type { Steps } from "../../platform/clock/steps.ts";
import { BodyError } from "../../platform/http/body.ts";

/**
 * How a record is read: `json` by the mapping of the settings, `event` as an event of protocol v1, `influx`
 * as a line of line protocol with its time in nanoseconds.
 */
export type RecordFormat = "json" | "event" | "influx";

/** Records that came together. */
export interface RecordRun {
  readonly format: RecordFormat;
  /** What fills the hole `{topic}`; undefined: nothing. */
  readonly topic: string | undefined;
  /** Each record in its own bytes, with one byte of any value between two of them. */
  readonly records: RawEvents;
  /** What they were decoded to; undefined: they are decoded when they are read. */
  readonly decoded?: DecodedEvents | undefined;
  /** The trace of the push that brought them; undefined: it has none, or it is not known any more. */
  readonly traceparent?: string | undefined;
  /** Whether its sender may have sent it before, without knowing that it was kept. Left out: it has not. */
  readonly mayBeRepeated?: boolean | undefined;
}

/** A request whose body has come. */
export interface Push {
  /** Inflated, where it was compressed with gzip, without what was kept before. The decoder may change it. */
  readonly body: Uint8Array;
  readonly query: URLSearchParams;
  readonly headers: Headers;
  /** Wall clock, Unix ms. */
  readonly arrivedMs: number;
  /** Of all that the request says. It is taken before the body is changed. */
  digest(): Steps<string>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array<ArrayBuffer>;
}

/** What becomes of a request. */
export interface Decoded {
  /** For the inbox, in their order. Empty: nothing of the request is kept. */
  readonly runs: readonly RecordRun[];
  /** It is sent once the runs are on disk; a function gets the offset after the last record of the inbox. */
  readonly answer: Answer | ((next: number) => Answer);
  /** What was refused, for the operator, where the answer is not a text that says so. */
  readonly refused?: string | undefined;
  /**
   * The digest of a request whose values have a series and a time each, so that one that says the same may be
   * that one, sent again, and whether it is that in any case. Undefined: it is another one.
   */
  readonly contents?: { readonly digest: string; readonly isCertain: boolean } | undefined;
}

/** One path of the listener. */
export interface PushPath {
  /** A `content-encoding` beside gzip whose bodies are handed over as they came. */
  readonly ownEncoding?: string | undefined;
  /** Whether a sender that sends lines again may put newer ones behind them, as Telegraf does. */
  readonly isContinued?: boolean | undefined;
  /**
   * Tells in each step how many bytes it holds beside the body.
   *
   * @throws {BodyError} Nothing of the request is kept.
   */
  decode(push: Push): Steps<Decoded>;
  /**
   * The answer to a request of which nothing is kept, in the words of the protocol. A request that may be
   * sent again has a status with which its sender does so.
   *
   * @param headers Of the request.
   */
  refuse(status: number, message: string, headers: Headers): Answer;
}

/** Longer than the topic of any bus. It is kept with each run of records. */
const TOPIC_MAX_CHARACTERS = 1024;

/** The parameter that names the topic; undefined: there is none. @throws {BodyError} */
export function topicIn(query: URLSearchParams, name: string): string | undefined {
  const topic = query.get(name) ?? undefined;
  if (topic === undefined || topic.length <= TOPIC_MAX_CHARACTERS) return topic;
  throw new BodyError(400, `${name} has more than ${TOPIC_MAX_CHARACTERS} characters`);
}
