import { ALL_WINDOWS } from "../../src/control/span.ts";
import { verify } from "../../src/control/verification.ts";
import type { ReadableSink } from "../../src/contract/sink.ts";
import { Books } from "../../src/state/checkpoint/books.ts";
import { readLosses } from "../../src/state/outbox/losses.ts";
import { readBookEntries } from "../../src/state/checkpoint/book_entries.ts";
import type { StateDatabase } from "../../src/state/file/state_database.ts";
import type { Chance } from "./fates.ts";
import type { Counts, Model } from "./model.ts";
import { DeadLetterAudit } from "./dead_letter_audit.ts";
import { POISON } from "./plant.ts";
import type { Job, Scenario, Setup } from "./scenario.ts";
import type { Scheduler } from "./scheduler.ts";
import type { WallClock } from "./sim_clock.ts";
import type { SimTable } from "./sim_table.ts";
import type { SimTopic } from "./sim_topic.ts";
import { SinkAudit } from "./sink_audit.ts";
import { Violation } from "./violation.ts";

export interface DeadLetterRow {
  readonly id: number;
  readonly reason: string;
  readonly sink: string | null;
  readonly raw: Uint8Array | null;
  readonly name: string;
  readonly labels: string | null;
  readonly agg_func: string;
  readonly window_start_ms: number;
  readonly window_end_ms: number;
  readonly count: number;
  readonly revision: number;
}

const DECODER = new TextDecoder();

/** Compares the state and the sinks with the model. Every method throws {@link Violation}. */
export class Audit {
  private outboxEndId = 0;
  /** The time of the last checkpoint, by the wall clock. */
  private checkpointMs: number | undefined;
  /** Texts of events that an operator has purged. */
  private readonly thrownAway: string[] = [];
  /** Dead letters of aggregates that an operator has purged. */
  private readonly givenUp: DeadLetterRow[] = [];
  private hasPurged = false;
  private readonly deadLetters: DeadLetterAudit;
  private readonly sinks: SinkAudit;

  constructor(
    private readonly model: Model,
    private readonly scenario: Scenario,
    private readonly wall: WallClock,
    private readonly scheduler: Scheduler,
  ) {
    this.deadLetters = new DeadLetterAudit(scenario.deadLetterBound);
    this.sinks = new SinkAudit(model);
  }

  /**
   * Checks after each transaction that the books balance, and that they follow from the positions of the
   * buses.
   */
  checkpoint(state: StateDatabase, job: Job, setup: Setup): void {
    const { model } = this;
    const buses = state.all<{ name: string; log: string | null; next: number | null }>(
      "SELECT source AS name, lineage AS log, CAST(position AS INTEGER) AS next FROM " +
        "source_partition ORDER BY ordinal",
    );
    const deadLetters = new Map<string, Chance>();
    if (this.scenario.isChancy) {
      const refused = state.all<{ raw: Uint8Array; reason: Chance }>(
        "SELECT raw, reason FROM dead_letter WHERE reason IN ('future', 'overflow', 'late')",
      );
      for (const { raw, reason } of refused) deadLetters.set(DECODER.decode(raw), reason);
    }
    const entries = readBookEntries(state);
    const checkpointMs = entries.get("checkpoint_at_ms");
    const mayHaveRead = checkpointMs !== this.checkpointMs;
    this.checkpointMs = checkpointMs;
    for (const { name, log, next } of buses) {
      const progress = { log: log ?? undefined, next: next ?? undefined };
      model.committed(name, progress, mayHaveRead, job, deadLetters);
    }
    model.putBack(job, deadLetters);
    // A new state has no time yet.
    if (entries.has("checkpoint_at_ms")) model.clockSeen(this.wall.nowMs);
    for (const [name, expected] of Object.entries(model.counts) as [keyof Counts, number][]) {
      const found = entries.get(name) ?? 0;
      if (found !== expected) throw new Violation(`the books say ${found} ${name}, it must be ${expected}`);
    }
    const faults = new Books(state).faults();
    if (faults.length > 0) throw new Violation(`the books: ${faults.join("; ")}`);
    this.closings(state);
    this.deadLetters.checkpoint(state);
    this.sinks.checkpoint(state, setup);
  }

  get deadLettersDropped(): number {
    return this.deadLetters.dropped;
  }

  /** An operator requests an action for dead letters. */
  requested(action: "retry" | "purge", deadLetters: readonly DeadLetterRow[]): void {
    this.deadLetters.requested(deadLetters.map(({ id }) => id));
    if (action === "retry") return;
    this.hasPurged = true;
    for (const deadLetter of deadLetters) {
      if (deadLetter.raw === null) this.givenUp.push(deadLetter);
      else this.thrownAway.push(DECODER.decode(deadLetter.raw));
    }
  }

  /** Runs the product's own proof. */
  async proof(state: StateDatabase, sinks: readonly ReadableSink[]): Promise<void> {
    const proof = await verify(state, sinks, ALL_WINDOWS, new AbortController().signal);
    if (proof.proven) return;
    const differences = [...proof.state_faults, ...proof.sinks.flatMap((sink) => sink.differences)];
    throw new Violation(differences.slice(0, 3).join("; "));
  }

  /** Whether a row that a sink would have got was given up with it. */
  isGivenUp(sink: string, key: string): boolean {
    return this.sinks.isGivenUp(sink, key);
  }

  /** At rest, the sinks must have exactly the right rows. */
  end(state: StateDatabase, backends: ReadonlyMap<string, SimTable | SimTopic>, restMs: number): void {
    const deadLetters = state.all<DeadLetterRow>("SELECT * FROM dead_letter ORDER BY id");
    this.refusedEvents(deadLetters);
    this.losses(state);
    const condemned = deadLetters.find(({ sink, name }) => sink !== null && name !== POISON);
    if (condemned) throw new Violation(`a row of ${condemned.name} is condemned without a fault`);
    this.sinks.end(backends, [...deadLetters, ...this.givenUp], restMs);
    if (this.hasPurged || this.deadLetters.dropped > 0) return;
    for (const [key, row] of this.sinks.overflowing) {
      const isDeadLetter = deadLetters.some((deadLetter) =>
        deadLetter.reason === "not_finite" && deadLetter.name === row.name &&
        deadLetter.labels === (row.labels ?? null) &&
        deadLetter.agg_func === row.aggFunc &&
        deadLetter.window_start_ms === row.startMs && deadLetter.window_end_ms === row.endMs
      );
      if (!isDeadLetter) throw new Violation(`${key} has overflowed and is no dead letter`);
    }
  }

  /** Exactly the losses must be reported. */
  private losses(state: StateDatabase): void {
    const told = new Map<string, number>();
    for (const { name, count } of readLosses(state)) told.set(name, (told.get(name) ?? 0) + count);
    const trimmed = told.get("trimmed") ?? 0;
    const dropped = told.get("dropped") ?? 0;
    if (trimmed !== this.model.counts.lost || dropped !== this.deadLetters.dropped) {
      throw new Violation(
        `the losses are told as ${trimmed} trimmed and ${dropped} dropped, not as ` +
          `${this.model.counts.lost} and ${this.deadLetters.dropped}`,
      );
    }
    if (!this.hasPurged && this.sinks.purgedCount === 0 && told.has("purged")) {
      throw new Violation(`${told.get("purged")} are told as purged, and nobody has purged anything`);
    }
  }

  /** No window closes before its time. */
  private closings(state: StateDatabase): void {
    const { model, scenario, scheduler, wall } = this;
    const limitMs = model.watermarkLimit(scheduler.nowMs, wall.nowMs);
    const allIdle = model.mayAllBeIdle();
    const closed = state.all<{ endMs: number; endId: number }>(
      `SELECT window_end_ms AS endMs, first_id + row_count AS endId FROM segment
       WHERE first_id >= ? AND NOT reissued`,
      this.outboxEndId,
    );
    for (const { endMs, endId } of closed) {
      this.outboxEndId = Math.max(this.outboxEndId, endId);
      const isDue = endMs <= limitMs || (allIdle && endMs <= wall.nowMs) ||
        (model.hasHeardFailure && endMs + scenario.maxWaitMs <= wall.nowMs);
      if (isDue) continue;
      throw new Violation(
        `a window that ends at ${endMs} is closed; event time allows ${limitMs}, the clock says ` +
          `${wall.nowMs}` +
          (allIdle ? "" : ", and not every bus is idle"),
      );
    }
  }

  /** Each refused event must be a dead letter once, unless an operator has purged it or there was no room. */
  private refusedEvents(deadLetters: readonly DeadLetterRow[]): void {
    const missing = countTexts(this.model.refused);
    for (const { raw } of deadLetters) {
      if (raw === null) continue;
      const text = DECODER.decode(raw);
      const count = missing.get(text) ?? 0;
      if (count === 0) throw new Violation(`the dead letters hold one ${text} too many`);
      missing.set(text, count - 1);
    }
    const thrownAway = countTexts(this.thrownAway);
    let room = this.deadLetters.dropped;
    for (const [text, count] of missing) {
      room -= Math.max(0, count - (thrownAway.get(text) ?? 0));
      if (room < 0) throw new Violation(`${text} was refused and is no dead letter`);
    }
  }
}

function countTexts(texts: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return counts;
}
