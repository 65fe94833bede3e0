import type { Clock } from "../platform/clock/clock.ts";
import type { Pulse } from "../platform/clock/pulse.ts";
import type { Logger } from "../platform/log/logger.ts";

/** The socket of the service manager; see {@link NotifySocket}. */
export interface Listener {
  send(assignments: Readonly<Record<string, string>>): Promise<void>;
  close(): void;
}

export interface SupervisionOptions {
  /** Silence after which the service manager restarts the service; undefined: there is no watchdog. */
  readonly watchdogMs: number | undefined;
  /** The loops that must be alive, by their names for the log. */
  readonly pulses: () => readonly (readonly [name: string, pulse: Pulse])[];
  /** The status of the service as one line. */
  readonly status: () => string;
}

const STATUS_INTERVAL_MS = 5000;
/** Tolerance for a machine that is busy with something else. */
const PULSE_GRACE_MS = 10_000;

/**
 * Reports to the service manager that the service is ready, its status, and that it is alive. The last is
 * reported only while every loop is on time: a process that still runs timers but no longer fetches or
 * delivers is restarted too. An event loop that is blocked cannot report at all.
 */
export class Supervision {
  private hasFailed = false;
  private lastStatus = "";
  private silent: string | undefined;
  private lastSend: Promise<void> = Promise.resolve();

  constructor(
    private readonly listener: Listener,
    private readonly options: SupervisionOptions,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  /** Reports until the signal fires: `READY=1` first, `STOPPING=1` at the end. */
  async run(signal: AbortSignal): Promise<void> {
    const { watchdogMs } = this.options;
    // Reports twice in the allowed time, so that one late report does no harm.
    const intervalMs = Math.min(STATUS_INTERVAL_MS, (watchdogMs ?? Infinity) / 2);
    await this.send({ READY: "1", ...this.news() });
    while (!signal.aborted) {
      await this.send({
        ...(watchdogMs !== undefined && this.isAlive() && { WATCHDOG: "1" }),
        ...this.news(),
      });
      await this.clock.sleep(intervalMs, signal);
    }
    await this.send({ STOPPING: "1", STATUS: "stopping: what is in the outbox is delivered" });
  }

  /** Reports `RELOADING=1` until `work` is done or has failed. */
  async duringReload<T>(work: () => Promise<T>): Promise<T> {
    await this.send({ RELOADING: "1" });
    try {
      return await work();
    } finally {
      await this.send({ READY: "1" });
    }
  }

  /** Closes the socket after the last report. */
  close(): void {
    this.listener.close();
  }

  private isAlive(): boolean {
    const stuck = this.options.pulses().flatMap(([name, pulse]) => {
      const what = pulse.overdue(PULSE_GRACE_MS);
      return what === undefined ? [] : [`${name} waits too long for ${what}`];
    });
    const silent = stuck.length === 0 ? undefined : stuck.join("; ");
    if (silent !== this.silent) {
      if (silent) this.logger.error(`stuck, so the watchdog of the service manager is not fed: ${silent}`);
      else this.logger.info("not stuck any more: the watchdog of the service manager is fed again");
    }
    this.silent = silent;
    return silent === undefined;
  }

  private news(): Record<string, string> {
    const status = this.options.status();
    if (status === this.lastStatus) return {};
    this.lastStatus = status;
    return { STATUS: status };
  }

  /** Datagrams are sent one after the other: a socket that is sending refuses another datagram. */
  private send(assignments: Readonly<Record<string, string>>): Promise<void> {
    return this.lastSend = this.lastSend.then(() => this.tell(assignments));
  }

  private async tell(assignments: Readonly<Record<string, string>>): Promise<void> {
    if (Object.keys(assignments).length === 0) return;
    try {
      await this.listener.send(assignments);
      this.hasFailed = false;
    } catch (error) {
      if (!this.hasFailed) {
        this.logger.warn("the status cannot be sent to the service manager (NOTIFY_SOCKET)", {
          error: error instanceof Error ? error.message : String(error),
        });
      }
      this.hasFailed = true;
    }
  }
}
