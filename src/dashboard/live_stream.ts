import type { Pipeline } from "./pipeline.ts";
import type { Readiness } from "./readiness.ts";
import type { Status } from "./status.ts";

/** A window that has closed. Times are Unix seconds. */
export interface ClosedWindow {
  readonly window_start: number;
  readonly window_end: number;
  readonly aggregates: number;
  readonly correction: boolean;
}

/** What the handler has told of itself. */
export interface Live {
  /**
   * `connecting`: the first stream is about to begin. `waiting`: a word is overdue. `lost`: nothing was heard
   * for some seconds. The rest is as it was then.
   */
  readonly connection: "connecting" | "open" | "waiting" | "lost";
  /** The last of them, the oldest first; rates are worked out from them. */
  readonly pipelines: readonly Pipeline[];
  readonly readiness: Readiness | undefined;
  readonly status: Status | undefined;
  /** Windows that closed while the page was open, the newest first. */
  readonly closed: readonly ClosedWindow[];
}

/** A minute of them: aggregates come in bursts, when windows close. */
const PIPELINES_KEPT = 61;
const CLOSED_KEPT = 100;
/** The handler says twice a second that it is alive. So an outage shows within two seconds. */
const OVERDUE_MS = 1800;
/** Where the stream breaks off, a new one has this long to bring a word. */
const BROKEN_MS = 700;
/** A handler that is very busy may be silent for longer than that, so it is not called gone at once. */
const SILENCE_MS = 4000;
/** A timer that is later than that says that the page itself has slept: words may wait to be heard. */
const SLEPT_MS = 500;
const RETRY_MS = 2000;

const NOTHING: Live = {
  connection: "connecting",
  pipelines: [],
  readiness: undefined,
  status: undefined,
  closed: [],
};

/** Follows the handler's stream, and takes it up again where it breaks off. */
export class LiveStream {
  current: Live = NOTHING;
  private readonly listeners = new Set<() => void>();
  private source: EventSource | undefined;
  private silence: ReturnType<typeof setTimeout> | undefined;
  private retry: ReturnType<typeof setTimeout> | undefined;

  /** @param onRefused Called when the handler refuses the stream: perhaps the session is over. */
  constructor(private readonly onRefused: () => void) {}

  start(): void {
    this.stop();
    const source = new EventSource("api/stream");
    this.source = source;
    this.expectWord();
    const on = (type: string, take: (data: never) => Partial<Live>) =>
      source.addEventListener(type, ({ data }) => {
        this.expectWord();
        this.change({ connection: "open", ...take(JSON.parse(data) as never) });
      });
    on("pipeline", (pipeline: Pipeline) => ({
      pipelines: [...this.current.pipelines, pipeline].slice(-PIPELINES_KEPT),
    }));
    on("readiness", (readiness: Readiness) => ({ readiness }));
    on("status", (status: Status) => ({ status }));
    on("window", (window: ClosedWindow) => ({
      closed: [window, ...this.current.closed].slice(0, CLOSED_KEPT),
    }));
    source.addEventListener("alive", () => {
      this.expectWord();
      // Few words change anything. Who follows is told of those only.
      if (this.current.connection !== "open") this.change({ connection: "open" });
    });
    source.addEventListener("error", () => {
      // A broken connection is taken up again by the browser, a refused one is not.
      if (source.readyState !== EventSource.CLOSED) {
        if (this.current.connection === "open") this.watch(BROKEN_MS, () => this.wait());
        return;
      }
      this.change({ connection: "lost" });
      this.onRefused();
      this.retry = setTimeout(() => this.start(), RETRY_MS);
    });
  }

  stop(): void {
    this.source?.close();
    this.source = undefined;
    clearTimeout(this.silence);
    clearTimeout(this.retry);
  }

  /** Calls `listener` at each change. Returns what ends that. */
  follow(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  private expectWord(): void {
    this.watch(OVERDUE_MS, () => this.wait());
  }

  /** A word is overdue. */
  private wait(): void {
    if (this.current.connection === "open") this.change({ connection: "waiting" });
    this.watch(SILENCE_MS - OVERDUE_MS, () => this.change({ connection: "lost" }));
  }

  /** Does something after a time without a word. */
  private watch(milliseconds: number, onSilence: () => void): void {
    clearTimeout(this.silence);
    const dueMs = performance.now() + milliseconds;
    this.silence = setTimeout(() => {
      if (performance.now() < dueMs + SLEPT_MS) return onSilence();
      this.watch(milliseconds, onSilence);
    }, milliseconds);
  }

  private change(changes: Partial<Live>): void {
    this.current = { ...this.current, ...changes };
    for (const listener of this.listeners) listener();
  }
}
