import { StateDatabase, type StateDatabaseOptions } from "../../src/state/file/state_database.ts";
import { StateError } from "../../src/state/file/state_error.ts";
import type { Dice } from "./dice.ts";
import type { FaultRates } from "./scenario.ts";
import type { Lifetime, Scheduler } from "./scheduler.ts";

/** Thrown where a process dies in the middle of what it does. */
export class Death extends Error {
  override readonly name = "Death";
}

/** The observer of a disk. */
export interface DiskWatcher {
  /** A moment at which the process may die. */
  crashPoint(where: string): void;
  /** A transaction is durable. @throws {Violation} */
  committed(state: StateDatabase): void;
  note(what: string): void;
}

const STATEMENTS_MAX = 30;
const SLOWEST_WRITE_MS = 10;

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
    const { dice, scheduler } = this;
    const state = StateDatabase.open(options);
    const original = {
      transaction: state.transaction.bind(state),
      run: state.run.bind(state),
      all: state.all.bind(state),
      get: state.get.bind(state),
      close: state.close.bind(state),
    };
    let isClosed = false;
    /** Statements until this transaction fails or dies; undefined outside of one. */
    let fuse: { statements: number; burn: () => void } | undefined;
    const passCrashPoint = (where: string) => {
      watcher.crashPoint(where);
      if (lifetime.isOver) throw new Death(where);
    };
    const mustLive = () => {
      if (lifetime.isOver) throw new Death("the process is dead");
    };
    const mustRead = () => {
      mustLive();
      if (this.brokenUntilMs <= scheduler.nowMs) return;
      watcher.note("the disk cannot be read");
      throw new StateError("unwritable", "the state cannot be used: disk I/O error");
    };
    state.transaction = <T>(work: () => T): T => {
      mustLive();
      passCrashPoint("disk: before a transaction");
      if (Math.max(this.fullUntilMs, this.brokenUntilMs) > scheduler.nowMs) {
        watcher.note("the disk is full");
        throw new StateError("unwritable", "the state cannot be written: the disk is full");
      }
      const fails = dice.chance(this.rates().diskFails);
      fuse = {
        statements: dice.between(0, STATEMENTS_MAX),
        burn: () => {
          passCrashPoint("disk: within a transaction");
          if (fails) throw new Error("database or disk is full");
        },
      };
      let result: T;
      try {
        result = original.transaction(() => {
          const done = work();
          fuse?.burn();
          return done;
        });
      } catch (error) {
        if (!lifetime.isOver) watcher.note(`a transaction is rolled back: ${error}`);
        throw error;
      } finally {
        fuse = undefined;
      }
      scheduler.pass(dice.between(0, SLOWEST_WRITE_MS));
      watcher.committed(state);
      passCrashPoint("disk: after a commit");
      return result;
    };
    state.run = (sql, ...values) => {
      mustLive();
      if (fuse !== undefined && fuse.statements-- === 0) {
        fuse.burn();
        fuse = undefined;
      }
      original.run(sql, ...values);
    };
    state.all = (sql, ...values) => {
      mustRead();
      return original.all(sql, ...values);
    };
    state.get = (sql, ...values) => {
      mustRead();
      return original.get(sql, ...values);
    };
    state.close = () => {
      if (!isClosed) original.close();
      isClosed = true;
    };
    return state;
  }
}
