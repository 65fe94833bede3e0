import type { Clock } from "../platform/clock/clock.ts";
import type { StateDatabase } from "../state/file/state_database.ts";
import { isWaitedOut } from "../state/file/state_error.ts";
import { forgetStandingNote, type StandingNote, storeStandingNote } from "../state/standing_note.ts";

/** How soon the state has what is new. */
const LOOK_MS = 1000;
/** How often details are renewed, such as how much waits. */
const RENEW_MS = 60_000;

/** Keeps in the state what only the process knows of itself, for `status`. */
export class StandingKeeper {
  private kept = "";

  constructor(
    private readonly state: StateDatabase,
    private readonly look: () => StandingNote,
    private readonly clock: Clock,
  ) {}

  /** Keeps what changes until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    for (let keptMs = -Infinity; !signal.aborted; await this.clock.sleep(LOOK_MS, signal)) {
      const nowMs = this.clock.monotonicMs();
      if (nowMs - keptMs < RENEW_MS && gist(this.look()) === this.kept) continue;
      keptMs = nowMs;
      this.keep();
    }
  }

  keep(): void {
    const note = this.look();
    this.kept = gist(note);
    waitingOut(() => storeStandingNote(this.state, note));
  }

  /** Before it is known how this process stands: what the one before has noted is not true any more. */
  forget(): void {
    waitingOut(() => forgetStandingNote(this.state));
  }
}

/** What is worth a transaction at once: not the details, which may change every second. */
function gist({ causes, notes = [], paces = {}, partitions }: StandingNote): string {
  const flows = Object.entries(paces).map(([sink, pace]) => [sink, pace && Math.sign(pace)]);
  return JSON.stringify([[...causes, ...notes].map(({ name }) => name), flows, partitions]);
}

/** A state that cannot be written is reported elsewhere. */
function waitingOut(write: () => void): void {
  try {
    write();
  } catch (error) {
    if (!isWaitedOut(error)) throw error;
  }
}
