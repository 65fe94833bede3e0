import type { Clock } from "../platform/clock/clock.ts";
import type { Pulse } from "../platform/clock/pulse.ts";
import type { Logger } from "../platform/log/logger.ts";

/** Where the service manager listens; see {@link NotifySocket}. */
export interface Listener {
  send(assignments: Readonly<Record<string, string>>): Promise<void>;
  close(): void;
}

export interface SupervisionOptions {
  /** Silence after which the service manager restarts the service; undefined: it does not watch. */
  readonly watchdogMs: number | undefined;
  /** The loops that have to be alive, each by a name for the log. */
  readonly pulses: () => readonly (readonly [name: string, pulse: Pulse])[];
  /** One line for whoever asks for the status of the service. */
  readonly status: () => string;
}

const STATUS_INTERVAL_MS = 5000;
/** Allows for a machine that is busy with something else. */
const PULSE_GRACE_MS = 10_000;

/**
 * Tells the service manager that the service is ready, how it stands and that it lives. The last only while every loop is
 * heard of in time: a process that still runs timers but fetches or delivers no more is restarted too. An event loop that
 * stands still cannot send at all.
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

  /** Reports from now on, `READY=1` first, until the signal fires; then `STOPPING=1`. */
  async run(signal: AbortSignal): Promise<void> {
    const { watchdogMs } = this.options;
    // Twice in the time allowed, so that one late turn does no harm.
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

  /** Tells that the settings are read again, until `work` is done. */
  async duringReload(work: () => void): Promise<void> {
    await this.send({ RELOADING: "1" });
    work();
    await this.send({ READY: "1" });
  }

  /** To be called once nothing more is to be told. */
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

  /** One after the other: a socket that sends refuses to send more. */
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
        this.logger.warn("the service manager cannot be told how the service stands (NOTIFY_SOCKET)", {
          error: error instanceof Error ? error.message : String(error),
        });
      }
      this.hasFailed = true;
    }
  }
}
