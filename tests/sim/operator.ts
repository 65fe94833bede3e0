import { leaveRequest } from "../../src/state/letters/dead_letters.ts";
import { askForRedelivery, END_OF_TIME_MS, hasOpenRedelivery } from "../../src/state/outbox/redelivery.ts";
import { SinkRegistry, waitingRows } from "../../src/state/outbox/sink_registry.ts";
import { StateDatabase } from "../../src/state/file/state_database.ts";
import type { DeadLetterRow } from "./audit.ts";
import type { Setup } from "./scenario.ts";
import { SimTable } from "./sim_table.ts";
import { SimTopic } from "./sim_topic.ts";
import type { World } from "./world.ts";

const WIDE_OUTBOX_ROWS = 100_000;
/**
 * Rows of windows that began longer ago than this are never spoilt. So they are far from the horizon, which
 * is 60 s at least then.
 */
const LOST_ROWS_MS = 20_000;

/** The operator, who changes settings and requests retries, purges and redeliveries. */
export class Operator {
  /** The present setup. */
  setup: Setup;
  /** Whether others have spoilt rows that are not sent again yet. */
  isSpoilt = false;
  private hasWideOutbox = false;
  private hasRetriedDeadLetters = false;

  constructor(private readonly world: World) {
    this.setup = world.scenario.setups[0]!;
  }

  /** The bound of the outbox, where the operator has changed it. */
  get outboxMaxRows(): number | undefined {
    return this.hasWideOutbox ? WIDE_OUTBOX_ROWS : undefined;
  }

  /** Looks after a transaction whether the spoilt rows are sent again. */
  committed(state: StateDatabase): void {
    if (this.isSpoilt) this.isSpoilt = hasOpenRedelivery(state);
  }

  /** Before a start an operator may change the settings. */
  changeSetup(): void {
    const { dice, scenario, trace } = this.world;
    if (this.world.isCalm || this.isSpoilt || scenario.setups.length === 1 || dice.chance(0.4)) return;
    const next = dice.pick(scenario.setups);
    const forsaken = this.forsaken(next);
    if (forsaken.length > 0 && dice.chance(0.4)) return;
    this.setup = next;
    trace.note("operator", `sinks ${next.sinks}, routes ${next.routes}, forgets ${forsaken}`);
    this.world.happens("changes of sinks or routes");
    for (const name of forsaken) {
      const backend = this.world.backends.get(name);
      if (backend instanceof SimTopic) backend.forgotten();
      this.world.happens("sinks forgotten");
    }
  }

  /**
   * The sinks whose aggregates the operator gives up by these settings. A start that a full disk ended has
   * given up nothing, so the operator repeats the order.
   */
  forsaken({ sinks }: Setup): string[] {
    return this.world.stateFile.read((state) =>
      SinkRegistry.read(state).sinks
        .filter((sink) => !sinks.includes(sink.id) && waitingRows(state, sink) > 0)
        .map(({ id }) => id)
    ) ?? [];
  }

  /** Requests something with some of the dead letters, perhaps twice. */
  request(): void {
    const { dice } = this.world;
    const action = dice.chance(0.8) ? "retry" : "purge";
    const times = dice.chance(0.2) ? 2 : 1;
    for (let i = 0; i < times; i++) this.leaveRequest(action, "NOT purged", dice.chance(0.5) ? 1 : 0.5);
  }

  /** Retries once all that may pass now. Returns whether there is anything. */
  retryDeadLetters(): boolean {
    if (this.hasRetriedDeadLetters) return false;
    this.hasRetriedDeadLetters = true;
    const { isPoisonRetried, isChancy } = this.world.scenario;
    return (isPoisonRetried && this.leaveRequest("retry", "NOT purged AND sink IS NOT NULL", 1)) ||
      (isChancy && this.leaveRequest("retry", "NOT purged AND sink IS NULL", 1));
  }

  /** Rows of a table are spoilt, and an operator requests a redelivery. */
  spoil(): void {
    const { audit, backends, dice, stateFile, wall } = this.world;
    if (!stateFile.exists) return;
    const state = StateDatabase.openForRequest(stateFile.directory);
    try {
      const tables = SinkRegistry.read(state).sinks.map(({ id }) => id)
        .filter((name) => backends.get(name) instanceof SimTable);
      if (tables.length === 0) return;
      const name = dice.pick(tables);
      const table = backends.get(name) as SimTable;
      table.lose(dice, wall.trueMs - LOST_ROWS_MS, (key) => audit.isGivenUp(name, key));
      askForRedelivery(state, name, 0, END_OF_TIME_MS);
      this.isSpoilt = true;
      this.world.trace.note("operator", `redeliver to ${name}, which has lost rows`);
      this.world.happens("rows lost and sent again");
    } finally {
      state.close();
    }
  }

  /**
   * Where an outbox holds a few rows only, and a sink refuses each of them, no row can show whether the rows
   * or the sink are at fault: the product rightly waits. The operator lets more rows in. Returns whether the
   * handler must start again for that.
   */
  widenOutbox(): boolean {
    if (this.hasWideOutbox || this.world.scenario.outboxMaxRows >= WIDE_OUTBOX_ROWS) return false;
    this.hasWideOutbox = true;
    this.world.trace.note("operator", `OUTBOX_MAX_ROWS is ${WIDE_OUTBOX_ROWS}`);
    this.world.happens("outboxes widened");
    return true;
  }

  /** Requests something with some of the dead letters. Returns whether there are any. */
  private leaveRequest(action: "retry" | "purge", condition: string, share: number): boolean {
    const { audit, dice, stateFile, trace } = this.world;
    if (!stateFile.exists) return false;
    const state = StateDatabase.openForRequest(stateFile.directory);
    try {
      const deadLetters = state.all<DeadLetterRow>(
        `SELECT * FROM dead_letter WHERE ${condition} ORDER BY id`,
      ).filter(({ raw }) => dice.chance(share) && !(action === "purge" && isChancy(raw)));
      if (deadLetters.length === 0) return false;
      leaveRequest(state, action, deadLetters.map(({ id }) => id));
      trace.note("operator", `${action} ${deadLetters.map(({ id }) => id)}`);
      this.world.happens(`requests to ${action}`);
      audit.requested(action, deadLetters);
      return true;
    } finally {
      state.close();
    }
  }
}

/**
 * Whether the event of a dead letter may still be accepted. Such dead letters are not purged: the state would
 * not show which of the two has happened.
 */
function isChancy(raw: Uint8Array | null): boolean {
  return raw !== null && new TextDecoder().decode(raw).includes("serial");
}
