import type { StateDatabase } from "../../src/state/file/state_database.ts";
import { StateError } from "../../src/state/file/state_error.ts";
import { Death } from "./death.ts";
import type { Dice } from "./dice.ts";
import type { FaultRates } from "./scenario.ts";
import type { Lifetime, Scheduler } from "./scheduler.ts";

/** The observer of a disk. */
export interface DiskWatcher {
  /** A moment at which the process may die. */
  crashPoint(where: string): void;
  /** A transaction is durable. @throws {Violation} */
  committed(state: StateDatabase): void;
  note(what: string): void;
}

/** Until when a disk has faults, in simulated time. */
export interface DiskFaults {
  readonly fullUntilMs: number;
  readonly brokenUntilMs: number;
}

const STATEMENTS_MAX = 30;
const SLOWEST_WRITE_MS = 10;

/** The connection from a process to its state on the simulated disk. */
export class DiskLink {
  /** Statements until this transaction fails or dies; undefined outside of one. */
  private fuse: { statements: number; burn: () => void } | undefined;

  constructor(
    private readonly disk: DiskFaults,
    private readonly state: StateDatabase,
    private readonly scheduler: Scheduler,
    private readonly dice: Dice,
    private readonly rates: () => FaultRates,
    private readonly watcher: DiskWatcher,
    private readonly lifetime: Lifetime,
  ) {}

  /** Lets all that the process does with its state go through this link. */
  attach(): void {
    const { state } = this;
    const run = state.run.bind(state);
    const all = state.all.bind(state);
    const get = state.get.bind(state);
    const close = state.close.bind(state);
    const transaction = state.transaction.bind(state);
    let isClosed = false;
    state.transaction = (work) => this.transact(transaction, work);
    state.run = (sql, ...values) => {
      this.mustLive();
      this.countStatement();
      run(sql, ...values);
    };
    state.all = (sql, ...values) => {
      this.mustRead();
      return all(sql, ...values);
    };
    state.get = (sql, ...values) => {
      this.mustRead();
      return get(sql, ...values);
    };
    state.close = () => {
      if (!isClosed) close();
      isClosed = true;
    };
  }

  private transact<T>(transaction: (work: () => T) => T, work: () => T): T {
    const { dice, disk, scheduler, watcher } = this;
    this.mustLive();
    this.passCrashPoint("disk: before a transaction");
    if (Math.max(disk.fullUntilMs, disk.brokenUntilMs) > scheduler.nowMs) {
      watcher.note("the disk is full");
      throw new StateError("unwritable", "the state cannot be written: the disk is full");
    }
    this.layFuse();
    let result: T;
    try {
      result = transaction(() => {
        const done = work();
        this.fuse?.burn();
        return done;
      });
    } catch (error) {
      if (!this.lifetime.isOver) watcher.note(`a transaction is rolled back: ${error}`);
      throw error;
    } finally {
      this.fuse = undefined;
    }
    scheduler.pass(dice.between(0, SLOWEST_WRITE_MS));
    watcher.committed(this.state);
    this.passCrashPoint("disk: after a commit");
    return result;
  }

  /** Draws whether a transaction fails, and after how many statements. */
  private layFuse(): void {
    const fails = this.dice.chance(this.rates().diskFails);
    this.fuse = {
      statements: this.dice.between(0, STATEMENTS_MAX),
      burn: () => {
        this.passCrashPoint("disk: within a transaction");
        if (fails) throw new Error("database or disk is full");
      },
    };
  }

  private countStatement(): void {
    if (this.fuse === undefined || this.fuse.statements-- !== 0) return;
    this.fuse.burn();
    this.fuse = undefined;
  }

  private passCrashPoint(where: string): void {
    this.watcher.crashPoint(where);
    if (this.lifetime.isOver) throw new Death(where);
  }

  private mustLive(): void {
    if (this.lifetime.isOver) throw new Death("the process is dead");
  }

  private mustRead(): void {
    this.mustLive();
    if (this.disk.brokenUntilMs <= this.scheduler.nowMs) return;
    this.watcher.note("the disk cannot be read");
    throw new StateError("unwritable", "the state cannot be used: disk I/O error");
  }
}
