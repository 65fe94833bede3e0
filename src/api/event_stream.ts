import type { Inquiries } from "../control/inquiries.ts";
import type { ClosedWindow } from "../control/closed_windows.ts";
import type { LiveOverview } from "../runtime/overview.ts";
import { StateError } from "../state/file/state_error.ts";
import { ApiError } from "./api_error.ts";
import { readinessOf } from "./health_endpoints.ts";
import { StreamClient } from "./stream_client.ts";

const CLIENTS_MAX = 32;
/** Time between two looks at the handler. */
const LOOK_MS = 1000;
/** Looking takes a fiftieth of the time at most. */
const REST_FACTOR = 50;
/** Looks without news after which a sign of life is sent: proxies close connections that are silent. */
const LOOKS_A_SIGN = 15;

/** A window that has closed, as the stream tells it. Times are Unix seconds. */
export interface WindowEvent {
  readonly window_start: number;
  readonly window_end: number;
  readonly aggregates: number;
  readonly correction: boolean;
}

export interface EventStreamOptions {
  readonly inquiries: Pick<Inquiries, "changes">;
  readonly look: () => LiveOverview;
  /** Fires when the listener closes: all streams end. */
  readonly closing: AbortSignal;
  /** Resolves after some time; tests replace it. */
  readonly pause?: (milliseconds: number) => Promise<void>;
}

/**
 * Tells clients what changes in the handler, as server-sent events: `status` and `readiness` once at the
 * beginning and then when they change, and `window` for each window that closes. All clients share one look,
 * and nobody looks while there is no client.
 */
export class EventStream {
  private readonly clients = new Set<StreamClient>();
  private isLooking = false;
  private commits = -1;
  private readiness = "";
  /** Looks since something was sent to all. */
  private silentLooks = 0;

  constructor(private readonly options: EventStreamOptions) {
    options.closing.addEventListener("abort", () => {
      for (const client of this.clients) client.end();
    });
  }

  /**
   * Begins a stream.
   *
   * @param lastEventId What the client's last stream ended with: windows that closed since come first.
   * @throws {ApiError} 503: there are too many clients.
   */
  open(lastEventId: string | undefined): ReadableStream<Uint8Array> {
    if (this.clients.size >= CLIENTS_MAX || this.options.closing.aborted) {
      throw new ApiError(
        503,
        "busy",
        `${CLIENTS_MAX} clients have a stream already: close one, or ask again`,
        {
          "retry-after": "10",
        },
      );
    }
    const client = new StreamClient(lastEventId, () => this.clients.delete(client));
    this.clients.add(client);
    if (!this.isLooking) void this.keepLooking();
    return client.stream;
  }

  private async keepLooking(): Promise<void> {
    const { closing, pause = wait } = this.options;
    this.isLooking = true;
    this.commits = -1;
    try {
      while (this.clients.size > 0 && !closing.aborted) {
        const beganMs = performance.now();
        await this.tell();
        await pause(Math.max(LOOK_MS, REST_FACTOR * (performance.now() - beganMs)));
      }
    } catch {
      // A defect must not end the handler. Its question fails at its own path too, with a line in the log.
      for (const client of this.clients) client.end();
    } finally {
      this.isLooking = false;
    }
  }

  /** Looks at the handler once, and tells each client what is new to it. */
  private async tell(): Promise<void> {
    const overview = this.options.look();
    const clients = [...this.clients];
    const hasNew = clients.some(({ isNew }) => isNew);
    const changes = await this.changes(hasNew ? -1 : this.commits, overview.stateId, clients);
    const readiness = JSON.stringify(readinessOf(overview));
    const isOtherReadiness = readiness !== this.readiness;
    const isOtherState = changes !== undefined && changes.commits !== this.commits;
    const status = changes && JSON.stringify(changes.status);
    for (const client of clients) {
      if (status !== undefined && (client.isNew || isOtherState)) client.send("status", status);
      if (client.isNew || isOtherReadiness) client.send("readiness", readiness);
      if (changes === undefined) continue;
      for (const window of changes.closed) {
        if (window.nextId <= (client.fromId ?? Infinity)) continue;
        client.send("window", JSON.stringify(eventOf(window)), `${overview.stateId}:${window.nextId}`);
      }
      client.goOnFrom(changes.outboxEndId);
    }
    this.readiness = readiness;
    if (changes !== undefined) this.commits = changes.commits;
    this.silentLooks = isOtherReadiness || isOtherState ? 0 : this.silentLooks + 1;
    if (this.silentLooks % LOOKS_A_SIGN === LOOKS_A_SIGN - 1) { for (const client of clients) client.sign(); }
  }

  /** A state that cannot be read is no end of the stream: `readiness` says why. */
  private async changes(commits: number, stateId: string, clients: readonly StreamClient[]) {
    for (const client of clients) client.resume(stateId);
    const fromIds = clients.flatMap(({ fromId }) => fromId ?? []);
    const fromId = fromIds.length === 0 ? undefined : Math.min(...fromIds);
    try {
      return await this.options.inquiries.changes(commits, fromId, this.options.closing);
    } catch (error) {
      if (error instanceof StateError || this.options.closing.aborted) return undefined;
      throw error;
    }
  }
}

function eventOf({ startMs, endMs, aggregates, isCorrection }: ClosedWindow): WindowEvent {
  return {
    window_start: startMs / 1000,
    window_end: endMs / 1000,
    aggregates,
    correction: isCorrection,
  };
}

function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
