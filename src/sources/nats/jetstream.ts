import { Buffer } from "node:buffer";
import { SourceError } from "../../contract/source.ts";
import type { NatsConnection } from "./nats_connection.ts";

/** What is read of a stream. */
export interface StreamChoice {
  readonly stream: string;
  /** Patterns of subjects; none: all. */
  readonly subjects: readonly string[];
  /** The domain of JetStream; undefined: the server's own. */
  readonly domain: string | undefined;
}

/** What a server says of a stream. */
export interface StreamInfo {
  /** When it was made, as the server writes it. */
  readonly created: string;
  /** The sequence that its first message had. */
  readonly begin: number;
  /** The sequence of the oldest message there is; one beyond the last where there is none. */
  readonly first: number;
  /** The sequence of the last message there ever was; 0: there was none. */
  readonly last: number;
  readonly messages: number;
  /** How many messages between first and last are gone. */
  readonly deletedCount: number;
  /** Their sequences, where they were asked for. */
  readonly deleted: readonly number[];
  /** Patterns of the subjects that it takes; empty: it copies other streams. */
  readonly subjects: readonly string[];
  /** The time of the server, Unix ms; undefined: it is too old to tell. */
  readonly nowMs: number | undefined;
}

const [STREAM_NOT_FOUND, TOO_MANY_CONSUMERS] = [10_059, 10_026];
/** A consumer that nobody asks for so long goes, or sooner where the stream allows less. */
const CONSUMER_EXPIRY_NS = 300_000_000_000;

/** Where a new consumer begins. */
export type ConsumerStart = { readonly sequence: number } | { readonly afterNs: bigint };

/** The requests of JetStream that reading needs. */
export class JetStream {
  private readonly prefix: string;
  private expiryNs = CONSUMER_EXPIRY_NS;

  constructor(private readonly connection: NatsConnection, private readonly choice: StreamChoice) {
    this.prefix = choice.domain === undefined ? "$JS.API" : `$JS.${choice.domain}.API`;
  }

  /** @throws {SourceError} `unavailable` where there is no such stream. */
  async streamInfo(withDeleted = false): Promise<StreamInfo> {
    const body = withDeleted ? '{"deleted_details":true}' : "";
    const answer = await this.ask(`STREAM.INFO.${this.choice.stream}`, body);
    const { config, created, state, ts } = answer;
    if (!isObject(config) || !isObject(state) || typeof created !== "string") throw this.odd();
    const { consumer_limits: limits, retention } = config;
    if (retention === "workqueue" || retention === "interest") throw this.removing(retention);
    const expiryNs = isObject(limits) ? this.count(limits.inactive_threshold ?? 0) : 0;
    this.expiryNs = Math.min(expiryNs || CONSUMER_EXPIRY_NS, CONSUMER_EXPIRY_NS);
    const deleted = state.deleted ?? [];
    const subjects = config.subjects ?? [];
    if (!Array.isArray(deleted) || !Array.isArray(subjects)) throw this.odd();
    const [first, last] = [this.count(state.first_seq), this.count(state.last_seq)];
    const messages = this.count(state.messages);
    const nowMs = typeof ts === "string" ? Date.parse(ts) : NaN;
    return {
      created,
      begin: Math.max(1, this.count(config.first_seq ?? 1)),
      first: messages === 0 ? last + 1 : first,
      last,
      messages,
      deletedCount: this.count(state.num_deleted ?? 0),
      deleted: deleted.map((sequence) => this.count(sequence)),
      subjects: subjects.map(String),
      nowMs: Number.isFinite(nowMs) ? nowMs : undefined,
    };
  }

  /** Makes a consumer that needs no acknowledgements, and forgets it by itself. Returns its name. */
  async createConsumer(start: ConsumerStart): Promise<string> {
    const { stream, subjects } = this.choice;
    const name = `vabus-${crypto.randomUUID().slice(0, 18)}`;
    const [only] = subjects;
    const config = {
      name,
      description: "VaBus Data Handler",
      ...("sequence" in start
        ? { deliver_policy: "by_start_sequence", opt_start_seq: start.sequence }
        : { deliver_policy: "by_start_time", opt_start_time: timeText(start.afterNs + 1n) }),
      ...(subjects.length === 1
        ? { filter_subject: only }
        : subjects.length > 1
        ? { filter_subjects: subjects }
        : {}),
      ack_policy: "none",
      replay_policy: "instant",
      inactive_threshold: this.expiryNs,
      mem_storage: true,
      num_replicas: 1,
    };
    const subject = `CONSUMER.CREATE.${stream}.${name}${subjects.length === 1 ? `.${only}` : ""}`;
    const answer = await this.ask(subject, JSON.stringify({ stream_name: stream, config, action: "create" }));
    if (answer.name !== name) throw this.odd();
    return name;
  }

  /** Lets go of a consumer, without waiting for it. */
  deleteConsumer(name: string): void {
    this.connection.publish(`${this.prefix}.CONSUMER.DELETE.${this.choice.stream}.${name}`, this.nowhere, "");
  }

  /** Asks for messages. They, and a status at the end, come to {@link NatsConnection.onPulled}. */
  pull(consumer: string, request: number, wanted: Readonly<Record<string, number | boolean>>): void {
    const subject = `${this.prefix}.CONSUMER.MSG.NEXT.${this.choice.stream}.${consumer}`;
    this.connection.publish(subject, this.connection.pullInbox(request), JSON.stringify(wanted));
  }

  private get nowhere(): string {
    return this.connection.pullInbox(0);
  }

  /** @throws {SourceError} */
  private async ask(subject: string, body: string): Promise<Readonly<Record<string, unknown>>> {
    const { connection } = this;
    const message = await connection.request(`${this.prefix}.${subject}`, body);
    if (message.status === 503) {
      throw new SourceError(
        "unavailable",
        `${connection.name} has no JetStream here: is it turned on for the account?`,
      );
    }
    let answer: unknown;
    try {
      answer = JSON.parse(Buffer.from(message.payload).toString());
    } catch {
      throw this.odd();
    }
    if (!isObject(answer)) throw this.odd();
    const { error } = answer;
    if (error === undefined) return answer;
    if (!isObject(error)) throw this.odd();
    throw this.failure(error);
  }

  private failure({ code, description, err_code }: Readonly<Record<string, unknown>>): SourceError {
    const { stream } = this.choice;
    if (err_code === STREAM_NOT_FOUND) {
      return new SourceError(
        "unavailable",
        `there is no stream ${stream}, or not any more: waiting for it; check its name in VABUS_URL, or ` +
          "make it",
      );
    }
    const text = `JetStream answers "${String(description).slice(0, 200)}" (${err_code ?? code})`;
    const advice = err_code === TOO_MANY_CONSUMERS
      ? ": raise max_consumers; one that a handler has left as it died goes within five minutes"
      : "";
    return new SourceError(
      code === 400 || code === 403 ? "refused" : "unavailable",
      `stream ${stream}: ${text}${advice}`,
    );
  }

  /** A message that was handed over would be gone from the stream before it is on disk here. */
  private removing(retention: string): SourceError {
    const { stream } = this.choice;
    const way = retention === "interest"
      ? `nats stream edit ${stream} --retention limits`
      : "make it again with retention limits, since this one cannot be changed";
    return new SourceError(
      "refused",
      `stream ${stream} has ${retention} retention, which removes messages as they are read: ${way}`,
    );
  }

  private count(value: unknown): number {
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
    throw this.odd();
  }

  private odd(): SourceError {
    return this.connection.garbage("is no answer of JetStream");
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** As JetStream takes it, with all nanoseconds. */
function timeText(ns: bigint): string {
  const text = new Date(Number(ns / 1_000_000_000n) * 1000).toISOString();
  return `${text.slice(0, 19)}.${(ns % 1_000_000_000n).toString().padStart(9, "0")}Z`;
}
