import type { DeliveryState } from "../delivery/standing.ts";
import type { Clock } from "../platform/clock/clock.ts";
import type { Logger } from "../platform/log/logger.ts";
import { isWaitedOut } from "../state/file/state_error.ts";
import { type Failure, noteOutages, type Outage } from "../state/outages.ts";
import type { StateDatabase } from "../state/file/state_database.ts";

/** Outages to report now, and reported ones that are over. */
export interface Outages {
  readonly due: readonly Outage[];
  readonly over: readonly Outage[];
}

/** The sources and sinks as far as outages go. Times are Unix ms; undefined: it does not fail. */
export interface WatchedParts {
  readonly sources: readonly {
    readonly name: string;
    readonly failure: string | undefined;
    readonly failingSinceMs: number | undefined;
    /** Whether it was read, or could not be, since the start of the process. */
    readonly isTried: boolean;
  }[];
  readonly sinks: readonly {
    readonly id: string;
    readonly state: DeliveryState;
    readonly error: string | undefined;
    readonly failingSinceMs: number | undefined;
  }[];
}

/** How soon the state has an outage that begins or ends. */
const LOOK_MS = 1000;
/** How soon the state has the new reason of an outage that goes on. It may change with each attempt. */
const REASON_MS = 5000;
/** How often what is due is told. */
const TELL_MS = 60_000;

/**
 * Stores which buses and sinks cannot be reached, so that `status` shows it and outages are known across
 * restarts.
 */
export class OutageWatch {
  /** What failed when it was last noted. */
  private noted: ReadonlyMap<string, Failure> = new Map();
  private notedMs = -Infinity;

  constructor(
    private readonly state: StateDatabase,
    private readonly parts: () => WatchedParts,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  /** Notes what begins to fail or works again, and tells what has failed for long, until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    for (; !signal.aborted; await this.clock.sleep(LOOK_MS, signal)) {
      const sinceMs = this.clock.monotonicMs() - this.notedMs;
      if (sinceMs >= TELL_MS || this.hasNews(sinceMs)) this.tell();
    }
  }

  /** Notes in the state what cannot be reached now. A state that cannot be written is reported elsewhere. */
  note(): Outages {
    const failures = this.failures();
    this.noted = failures;
    this.notedMs = this.clock.monotonicMs();
    try {
      return noteOutages(this.state, failures, this.untried(), this.clock.nowMs());
    } catch (error) {
      if (!isWaitedOut(error)) throw error;
      return { due: [], over: [] };
    }
  }

  /** Whether something else fails than was noted, or for another reason than some seconds ago. */
  private hasNews(sinceMs: number): boolean {
    const failures = this.failures();
    if (failures.size !== this.noted.size) return true;
    return [...failures].some(([subject, { detail }]) => {
      const known = this.noted.get(subject);
      return known === undefined || (known.detail !== detail && sinceMs >= REASON_MS);
    });
  }

  private tell(): void {
    const { due, over } = this.note();
    for (const { subject, detail, sinceMs } of due) {
      this.logger.error(`${subject} has failed since ${new Date(sinceMs).toISOString()}: ${detail}`);
    }
    for (const { subject } of over) this.logger.info(`${subject} works again`);
  }

  private failures(): Map<string, Failure> {
    const { sinks, sources } = this.parts();
    const failures = new Map<string, Failure>();
    for (const { name, failure: detail, failingSinceMs: sinceMs } of sources) {
      if (detail !== undefined && sinceMs !== undefined) failures.set(busSubject(name), { detail, sinceMs });
    }
    for (const { id, error: detail, failingSinceMs: sinceMs } of sinks) {
      if (detail !== undefined && sinceMs !== undefined) failures.set(sinkSubject(id), { detail, sinceMs });
    }
    return failures;
  }

  /** What has neither worked nor failed yet: after a restart, an outage of it goes on. */
  private untried(): Set<string> {
    const { sinks, sources } = this.parts();
    return new Set([
      ...sources.filter(({ isTried }) => !isTried).map(({ name }) => busSubject(name)),
      ...sinks.filter(({ state }) => state === "starting").map(({ id }) => sinkSubject(id)),
    ]);
  }
}

/** The subject of a bus's outage. */
export function busSubject(name: string): string {
  return `bus ${name}`;
}

/** The subject of a sink's outage. */
export function sinkSubject(name: string): string {
  return `sink ${name}`;
}
