import { StateDatabase, type StateDatabaseOptions } from "../../src/state/file/state_database.ts";
import type { Dice } from "./dice.ts";
import { DiskLink, type DiskWatcher } from "./disk_link.ts";
import type { FaultRates } from "./scenario.ts";
import type { Lifetime, Scheduler } from "./scheduler.ts";

/**
 * The disk of the state: a real file whose writes may fail, take time, or be the last action of a process.
 */
export class SimDisk {
  /** Nothing can be written until then; where it is broken, nothing can be read either. */
  fullUntilMs = 0;
  brokenUntilMs = 0;

  constructor(
    private readonly scheduler: Scheduler,
    private readonly dice: Dice,
    private readonly rates: () => FaultRates,
  ) {}

  /** Opens the state for a process. @throws {StateError} */
  open(options: StateDatabaseOptions, lifetime: Lifetime, watcher: DiskWatcher): StateDatabase {
    const state = StateDatabase.open(options);
    new DiskLink(this, state, this.scheduler, this.dice, this.rates, watcher, lifetime).attach();
    return state;
  }
}
