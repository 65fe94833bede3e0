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
   * `connecting`: the stream has ended or is about to begin. `lost`: nothing was heard for some seconds; the
   * rest is as it was then.
   */
  readonly connection: "connecting" | "open" | "lost";
  /** The last of them, the oldest first; rates are worked out from them. */
  readonly pipelines: readonly Pipeline[];
  readonly readiness: Readiness | undefined;
  readonly status: Status | undefined;
  /** Windows that closed while the page was open, the newest first. */
  readonly closed: readonly ClosedWindow[];
}

const PIPELINES_KEPT = 6;
const CLOSED_KEPT = 100;
/** The handler tells something each second. */
const SILENCE_MS = 4000;
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
    source.addEventListener("error", () => {
      // A broken connection is taken up again by the browser, a refused one is not.
      if (source.readyState !== EventSource.CLOSED) {
        this.change({ connection: "connecting" });
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
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.change({ connection: "lost" }), SILENCE_MS);
  }

  private change(changes: Partial<Live>): void {
    this.current = { ...this.current, ...changes };
    for (const listener of this.listeners) listener();
  }
}
