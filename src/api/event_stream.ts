import type { Inquiries } from "../control/inquiries.ts";
import type { ClosedWindow } from "../control/closed_windows.ts";
import { pipelineRecord } from "../control/pipeline_record.ts";
import type { LiveOverview } from "../runtime/overview.ts";
import { StateError } from "../state/file/state_error.ts";
import { ApiError } from "./api_error.ts";
import { readinessOf } from "./health_endpoints.ts";
import { StreamClient } from "./stream_client.ts";

const CLIENTS_MAX = 32;
/** Time between two looks at the handler, and between two questions about its state. */
const LOOK_MS = 1000;
/** Time between two signs of life: a page tells a handler that hangs by their absence, within two seconds. */
const ALIVE_MS = 500;
/** Looking takes a hundredth of the time at most, and so does asking. */
const REST_FACTOR = 100;

/** A window that has closed, as the stream tells it. Times are Unix seconds. */
export interface WindowEvent {
  readonly window_start: number;
  readonly window_end: number;
  readonly aggregates: number;
  readonly correction: boolean;
}

type Loop = "looking" | "asking" | "living";

export interface EventStreamOptions {
  readonly inquiries: Pick<Inquiries, "changes">;
  readonly look: () => LiveOverview;
  /** Fires when the listener closes: all streams end. */
  readonly closing: AbortSignal;
  /** Resolves after some time; tests replace it. */
  readonly pause?: (milliseconds: number) => Promise<void>;
}

/**
 * Tells clients what changes in the handler, as server-sent events: `pipeline` at each look, `readiness` and
 * `status` once at the beginning and then when they change, `window` for each window that closes, and `alive`
 * twice a second. All clients share the looks, and nobody looks while there is no client.
 *
 * A look at the process is quick. A question about the state takes longer the more series there are, so it
 * has a pace of its own: an outage shows at once also where the state is large. So have the signs of life:
 * also a handler whose looks are slow is told from one that hangs.
 */
export class EventStream {
  private readonly clients = new Set<StreamClient>();
  private readonly running = new Set<Loop>();
  private commits = -1;

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
    if (this.running.has("looking")) this.look([client]);
    void this.keep("looking", LOOK_MS, () => Promise.resolve(this.look([...this.clients])));
    void this.keep("asking", LOOK_MS, () => this.ask());
    void this.keep("living", ALIVE_MS, () => Promise.resolve(this.tellAlive()));
    return client.stream;
  }

  /** Repeats a step as long as there are clients. */
  private async keep(what: Loop, intervalMs: number, step: () => Promise<void>): Promise<void> {
    if (this.running.has(what)) return;
    const { closing, pause = wait } = this.options;
    this.running.add(what);
    if (what === "asking") this.commits = -1;
    try {
      while (this.clients.size > 0 && !closing.aborted) {
        const beganMs = performance.now();
        await step();
        await pause(Math.max(intervalMs, REST_FACTOR * (performance.now() - beganMs)));
      }
    } catch {
      // A defect must not end the handler. Its question fails at its own path too, with a line in the log.
      for (const client of this.clients) client.end();
    } finally {
      this.running.delete(what);
    }
  }

  /** Looks at the process once, and tells these clients. */
  private look(clients: readonly StreamClient[]): void {
    const overview = this.options.look();
    const pipeline = JSON.stringify(pipelineRecord(overview));
    const readiness = JSON.stringify(readinessOf(overview));
    for (const client of clients) {
      client.send("pipeline", pipeline);
      if (client.readiness !== readiness) client.send("readiness", readiness);
      client.readiness = readiness;
    }
  }

  private tellAlive(): void {
    for (const client of this.clients) client.send("alive", "{}");
  }

  /** Asks what is new in the state, and tells each client what is new to it. */
  private async ask(): Promise<void> {
    const { stateId } = this.options.look();
    const clients = [...this.clients];
    const hasNew = clients.some(({ isNew }) => isNew);
    const changes = await this.changes(hasNew ? -1 : this.commits, stateId, clients);
    if (changes === undefined) return;
    const isOtherState = changes.commits !== this.commits;
    const status = JSON.stringify(changes.status);
    for (const client of clients) {
      if (client.isNew || isOtherState) client.send("status", status);
      for (const window of changes.closed) {
        if (window.nextId <= (client.fromId ?? Infinity)) continue;
        client.send("window", JSON.stringify(eventOf(window)), `${stateId}:${window.nextId}`);
      }
      client.goOnFrom(changes.outboxEndId);
    }
    this.commits = changes.commits;
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
