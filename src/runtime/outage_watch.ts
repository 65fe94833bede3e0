import type { Clock } from "../platform/clock/clock.ts";
import type { Logger } from "../platform/log/logger.ts";
import { isWaitedOut } from "../state/file/state_error.ts";
import { noteOutages, type Outage } from "../state/outages.ts";
import type { StateDatabase } from "../state/file/state_database.ts";
import type { LiveOverview } from "./overview.ts";

/** Outages to report now, and reported ones that are over. */
export interface Outages {
  readonly due: readonly Outage[];
  readonly over: readonly Outage[];
}

/** Stores which buses and sinks cannot be reached, so that outages are known across restarts. */
export class OutageWatch {
  constructor(
    private readonly state: StateDatabase,
    private readonly look: () => LiveOverview,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  /** Notes in the state what cannot be reached now. A state that cannot be written is reported elsewhere. */
  note(): Outages {
    const failing = new Map<string, string>();
    const { buses, sinks } = this.look();
    for (const { name, failure } of buses) {
      if (failure !== undefined) failing.set(`bus ${name}`, failure);
    }
    for (const { name, error } of sinks) {
      if (error !== undefined) failing.set(`sink ${name}`, error);
    }
    try {
      return noteOutages(this.state, failing, this.clock.nowMs());
    } catch (error) {
      if (!isWaitedOut(error)) throw error;
      return { due: [], over: [] };
    }
  }

  /** Notes and logs them. */
  tell(): void {
    const { due, over } = this.note();
    for (const { subject, detail, sinceMs } of due) {
      this.logger.error(`${subject} has failed since ${new Date(sinceMs).toISOString()}: ${detail}`);
    }
    for (const { subject } of over) this.logger.info(`${subject} works again`);
  }
}
