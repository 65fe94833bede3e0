import { giveWay } from "../platform/clock/steps.ts";
import { OrderError } from "./order_error.ts";

/** Work that takes longer than a request. Times are Unix ms. */
export interface Job {
  readonly id: number;
  readonly kind: "verify" | "redeliver";
  /** The sink that it has for itself; undefined: all. */
  readonly sink: string | undefined;
  /** What it works on, in words. */
  readonly subject: string;
  /** The operator. */
  readonly who: string;
  readonly startedMs: number;
  /** Undefined: it runs. */
  readonly endedMs: number | undefined;
  readonly state: "running" | "done" | "failed";
  /** How far it is, in words; "": not known yet. */
  readonly progress: string;
  /** What came of it; undefined: nothing yet, or it failed. */
  readonly result: unknown;
  /** Why it failed; undefined: it did not. */
  readonly error: string | undefined;
}

/** Jobs that are kept after their end. */
const KEPT_JOBS = 20;

/** The jobs of a running handler: one of a kind and sink at a time, and the last ones that have ended. */
export class Jobs {
  private readonly jobs: Job[] = [];
  private lastId = 0;

  /** @param closing Fires when the handler stops: jobs that run are given up. */
  constructor(private readonly nowMs: () => number, private readonly closing: AbortSignal) {}

  /** The newest first. */
  get all(): readonly Job[] {
    return this.jobs.toReversed();
  }

  /**
   * Starts a job. Returns it as it is then.
   *
   * @param work Does it, and tells how far it is.
   * @throws {OrderError} One of this kind and sink runs already.
   */
  start(
    { kind, sink, subject, who }: Pick<Job, "kind" | "sink" | "subject" | "who">,
    work: (tell: (progress: string) => void, signal: AbortSignal) => Promise<unknown>,
  ): Job {
    const running = this.jobs.find((job) =>
      job.kind === kind && job.sink === sink && job.state === "running"
    );
    if (running !== undefined) {
      const what = sink === undefined ? kind : `${kind} to ${sink}`;
      throw new OrderError("impossible", `job ${running.id} (${what}) still runs: wait for its end`);
    }
    const id = ++this.lastId;
    this.jobs.push({
      id,
      kind,
      sink,
      subject,
      who,
      startedMs: this.nowMs(),
      endedMs: undefined,
      state: "running",
      progress: "",
      result: undefined,
      error: undefined,
    });
    const oldest = this.jobs.findIndex(({ state }) => state !== "running");
    if (this.jobs.length > KEPT_JOBS && oldest >= 0) this.jobs.splice(oldest, 1);
    const job = this.jobs.at(-1)!;
    const tell = (progress: string) => this.change(id, { progress });
    // The request is answered before the work begins, which may take the event loop for a while.
    void giveWay().then(() => work(tell, this.closing)).then(
      (result) => this.change(id, { state: "done", result, endedMs: this.nowMs() }),
      (error: Error) => this.change(id, { state: "failed", error: error.message, endedMs: this.nowMs() }),
    );
    return job;
  }

  private change(id: number, change: Partial<Job>): void {
    const at = this.jobs.findIndex((job) => job.id === id);
    if (at >= 0) this.jobs[at] = { ...this.jobs[at]!, ...change };
  }
}
