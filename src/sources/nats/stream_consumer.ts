import { RECORD_MAX_BYTES } from "../../codec/bus_records.ts";
import { SourceError } from "../../contract/source.ts";
import type { JetStream } from "./jetstream.ts";
import type { NatsConnection } from "./nats_connection.ts";
import type { NatsMessage } from "./nats_parser.ts";
import { type PulledMessage, pulledMessage } from "./pulled_message.ts";

/** Bytes that are asked for at once. A message that is longer alone is asked for alone. */
const PULL_MAX_BYTES = 8 * 1024 * 1024;
/** Beyond what was asked for: what the server counts as bytes of a message is not said exactly. */
const TOLERANCE_BYTES = 2 * RECORD_MAX_BYTES;
/** For the answer to a pull, beyond the time that it may wait. */
const ANSWER_MAX_MS = 15_000;
const [CONFLICT, NO_RESPONDERS] = [409, 503];
const MS_IN_NS = 1_000_000;

interface Pull {
  readonly request: number;
  readonly batch: number;
  readonly messages: PulledMessage[];
  bytes: number;
  readonly done: PromiseWithResolvers<Ending>;
}

/**
 * - `gone`: the consumer is not there any more.
 * - `crowded`: the next message is longer than was allowed.
 * - `excessive`: more messages were asked for than the server allows.
 */
type Ending = "complete" | "gone" | "crowded" | "excessive";

/** A consumer of a stream, on one connection: it hands over each message once, in order. */
export class StreamConsumer {
  /** The number of the last message that was handed over. */
  private delivered = 0;
  private requests = 0;
  private pull: Pull | undefined;
  /** How many messages the server allows to be asked for at once. */
  private batchMax = Infinity;

  constructor(
    private readonly connection: NatsConnection,
    private readonly api: JetStream,
    private readonly name: string,
  ) {
    connection.onPulled = (message) => this.receive(message);
    connection.onFailed = (error) => {
      this.pull?.done.promise.catch(() => {});
      this.pull?.done.reject(error);
    };
  }

  /**
   * The next messages: those that are there, else the first that comes in the time. Undefined: the consumer
   * is not there any more.
   *
   * @throws {SourceError}
   */
  async next(limit: number, waitMs: number): Promise<readonly PulledMessage[] | undefined> {
    let { ending, messages } = await this.ask(limit, waitMs, PULL_MAX_BYTES);
    if (ending === "excessive") {
      ({ ending, messages } = await this.ask(limit, waitMs, PULL_MAX_BYTES));
    }
    // A message that does not fit into a pull is asked for alone, whatever its length.
    if (ending === "crowded" && messages.length === 0) {
      ({ ending, messages } = await this.ask(1, waitMs, Infinity));
    }
    return ending === "gone" && messages.length === 0 ? undefined : messages;
  }

  /** Lets go of it. */
  close(): void {
    this.api.deleteConsumer(this.name);
  }

  private async ask(
    limit: number,
    waitMs: number,
    maxBytes: number,
  ): Promise<{ readonly ending: Ending; readonly messages: readonly PulledMessage[] }> {
    const batch = Math.min(limit, this.batchMax);
    const request = ++this.requests;
    const pull: Pull = { request, batch, messages: [], bytes: 0, done: Promise.withResolvers() };
    this.pull = pull;
    this.api.pull(this.name, request, {
      batch,
      no_wait: true,
      ...(waitMs > 0 && { expires: Math.ceil(waitMs) * MS_IN_NS }),
      ...(maxBytes !== Infinity && { max_bytes: maxBytes }),
    });
    try {
      const ending = await this.connection.within(waitMs + ANSWER_MAX_MS, pull.done.promise);
      return { ending, messages: pull.messages };
    } finally {
      this.pull = undefined;
    }
  }

  private receive(message: NatsMessage): void {
    const { pull } = this;
    const found = pulledMessage(message);
    if (found === undefined) return this.receiveOther(message);
    if (pull === undefined) return this.fault("is a message that was not asked for");
    // One that is missing would count as trimmed.
    if (found.delivery !== this.delivered + 1) return this.fault("leaves out a message, or is one twice");
    this.delivered = found.delivery;
    pull.bytes += message.payload.length;
    // Of a message that is asked for alone, whatever its length, only a beginning is here.
    if (pull.messages.length >= pull.batch || pull.bytes > PULL_MAX_BYTES + TOLERANCE_BYTES) {
      return this.fault("is more than was asked for");
    }
    pull.messages.push(found);
    if (pull.messages.length === pull.batch) pull.done.resolve("complete");
  }

  /** Takes a message that is of no stream, whatever its header says. */
  private receiveOther(message: NatsMessage): void {
    const { connection, pull } = this;
    // The answer to the deletion of a consumer.
    if (message.subject === connection.pullInbox(0)) return;
    if (message.status === undefined) return this.fault("is a message that was not asked for");
    // Statuses of earlier pulls may come late.
    if (pull !== undefined && message.subject === connection.pullInbox(pull.request)) this.end(pull, message);
  }

  private end(pull: Pull, { header, status }: NatsMessage): void {
    if (status === NO_RESPONDERS) return pull.done.resolve("gone");
    if (status !== CONFLICT) return pull.done.resolve("complete");
    if (/exceeds maxbytes/i.test(header)) return pull.done.resolve("crowded");
    if (/batch completed/i.test(header)) return pull.done.resolve("complete");
    if (/consumer deleted|consumer is push|shutdown|leadership/i.test(header)) {
      return pull.done.resolve("gone");
    }
    const batchMax = Number(/exceeded maxrequestbatch of (\d{1,9})/i.exec(header)?.[1]);
    if (batchMax > 0 && batchMax < pull.batch) {
      this.batchMax = batchMax;
      return pull.done.resolve("excessive");
    }
    const [line = ""] = header.split("\r\n");
    pull.done.reject(new SourceError("unavailable", `${this.connection.name} answers ${line.slice(0, 200)}`));
  }

  private fault(problem: string): void {
    this.connection.garbage(problem);
  }
}
