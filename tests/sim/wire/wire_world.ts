import type { Config } from "../../../src/settings/config.ts";
import { configFor } from "../../ingest/rig.ts";
import { Dice } from "../dice.ts";
import { type Lifetime, Scheduler } from "../scheduler.ts";
import { WallClock } from "../sim_clock.ts";
import { SimDisk } from "../sim_disk.ts";
import { SimTable } from "../sim_table.ts";
import { SinkLink } from "../sink_link.ts";
import { StateFile } from "../state_file.ts";
import { Trace } from "../trace.ts";
import { Violation } from "../violation.ts";
import { SimNetwork } from "./sim_network.ts";
import type { WireBus } from "./wire_bus.ts";
import { type WireEvent, wireEvent } from "./wire_event.ts";
import { createWireBus, type WireKind } from "./wire_kind.ts";
import { drawWireRates, WIRE_CALM, type WireRates } from "./wire_rates.ts";

const SINK = "postgres";

/** What is started with. */
export interface WireOptions {
  readonly seed: number;
  readonly kind: WireKind;
  /** The directory of the state while the simulation runs, preferably on a file system in memory. */
  readonly directory: string;
  readonly isTraced: boolean;
  /** Changes the product's own parts for as long as the simulation runs; returns what undoes it. */
  readonly parts?: () => () => void;
}

/** All that surrounds a handler that reads one server, and the record of what has happened there. */
export class WireWorld {
  readonly scheduler = new Scheduler();
  readonly dice: Dice;
  readonly trace: Trace;
  readonly wall: WallClock;
  readonly stateFile: StateFile;
  readonly disk: SimDisk;
  readonly table: SimTable;
  readonly bus: WireBus;
  readonly network: SimNetwork;
  readonly events: WireEvent[] = [];
  /** How long faults happen, ms. A calm follows, in which everything must come to rest. */
  readonly chaosMs: number;
  /** Whether the handler runs from cron: each process ends by itself once there is nothing to do. */
  readonly isRunByCron: boolean;
  /** How often a process could have died at each kind of moment, and how often it did. */
  readonly moments = new Map<string, { passed: number; died: number }>();
  isCalm = false;
  /** Whether no process is started any more. */
  isOver = false;
  /** What was broken first; undefined: nothing. */
  violation: string | undefined;
  private readonly drawn: WireRates;
  private readonly settings: Readonly<Record<string, string>>;
  private readonly weather = { awayUntilMs: 0, misconfiguredUntilMs: 0, isPoisoned: false };

  constructor({ isTraced, kind, seed }: WireOptions, private readonly directory: string) {
    const dice = this.dice = new Dice(seed);
    this.trace = new Trace(this.scheduler, isTraced);
    this.wall = new WallClock(this.scheduler);
    this.stateFile = new StateFile(directory);
    this.drawn = drawWireRates(dice.fork());
    this.chaosMs = dice.between(8, 20) * 1000;
    this.isRunByCron = dice.chance(0.15);
    this.settings = {
      CHECKPOINT_INTERVAL: dice.pick(["0.1", "0.5", "1"]),
      VABUS_BATCH_SIZE: dice.pick(["1", "3", "10", "100"]),
      OUTBOX_MAX_ROWS: dice.pick(["50", "100000"]),
    };
    const { scheduler, trace } = this;
    const nowMs = () => this.wall.trueMs;
    this.bus = createWireBus(kind, { scheduler, trace, nowMs, dice: dice.fork() });
    const rates = () => this.rates();
    this.network = new SimNetwork({ scheduler, rates, dice: dice.fork() }, (end) => this.bus.welcome(end));
    this.disk = new SimDisk(scheduler, dice.fork(), () => this.rates().around);
    this.table = new SimTable(this.weather);
    trace.note("sim", `${kind}, seed ${seed}: ${JSON.stringify({ ...this.drawn, ...this.settings })}`);
  }

  /** The present probabilities of faults. */
  rates(): WireRates {
    return this.isCalm ? WIRE_CALM : this.drawn;
  }

  /** Notes what was broken. The first violation counts. */
  fail(error: unknown): void {
    this.violation ??= error instanceof Violation
      ? error.message
      : error instanceof Error
      ? error.stack ?? error.message
      : String(error);
  }

  publish(): void {
    const isGarbled = this.dice.chance(0.05);
    const event = wireEvent(this.events.length, this.wall.trueMs - this.dice.between(0, 500), isGarbled);
    this.events.push(event);
    this.bus.publish(event);
  }

  /** Throws what happens in a second. */
  stir(): void {
    const { dice } = this;
    for (let count = dice.between(0, 12); count > 0; count--) {
      this.scheduler.after(dice.between(0, 999), () => this.publish());
    }
    if (this.bus.stir(this.rates())) this.network.cutAll(dice.pick([0, 100, 2000]));
    if (dice.chance(0.02)) this.weather.awayUntilMs = this.scheduler.nowMs + dice.between(100, 3000);
  }

  /** The handler's settings. The buses of the surroundings count, not the one of these. */
  config(): Config {
    return configFor(this.directory, {
      INSTANCE_ID: "sim",
      STORAGE_TYPE: SINK,
      POSTGRES_CONNECTION_STRING: "postgres://simulated/sim",
      AGGREGATION_INTERVAL: "1",
      ALLOWED_LATENESS: "0",
      CORRECTION_HORIZON: "3600",
      IDLE_TIMEOUT: "1",
      MAX_WAIT: "2",
      METRICS_INTERVAL: "0",
      HTTP_LISTEN: "off",
      ...this.settings,
    });
  }

  /** Connects a process to the table. */
  connectTable(crashPoint: (where: string) => void, lifetime: Lifetime) {
    const { dice, scheduler, trace, weather } = this;
    const rates = () => this.rates().around;
    return this.table.connect(
      new SinkLink(SINK, scheduler, dice.fork(), trace, rates, weather, crashPoint, lifetime),
    );
  }
}
