import type { Sink } from "../../src/contract/sink.ts";
import { Audit } from "./audit.ts";
import { Dice } from "./dice.ts";
import { Model } from "./model.ts";
import { Plant } from "./plant.ts";
import { drawScenario, type FaultRates, type Scenario } from "./scenario.ts";
import { type Lifetime, Scheduler } from "./scheduler.ts";
import { SimBus } from "./sim_bus.ts";
import { WallClock } from "./sim_clock.ts";
import { SimDisk } from "./sim_disk.ts";
import { SimTable } from "./sim_table.ts";
import { SimTopic } from "./sim_topic.ts";
import type { SimulationOptions } from "./simulation_options.ts";
import { SinkLink, type SinkWeather } from "./sink_link.ts";
import { StateFile } from "./state_file.ts";
import { Trace } from "./trace.ts";
import { Violation } from "./violation.ts";

/** Nothing goes wrong. */
export const CALM: FaultRates = {
  requestLost: 0,
  replyLost: 0,
  replyTruncated: 0,
  replyStale: 0,
  replySlow: 0,
  busBusy: 0,
  busGarbage: 0,
  busAway: 0,
  busTrimmed: 0,
  busReset: 0,
  busRolledBack: 0,
  sinkFailsBefore: 0,
  sinkFailsAfter: 0,
  sinkHangs: 0,
  sinkSlow: 0,
  sinkAway: 0,
  sinkMisconfigured: 0,
  diskFails: 0,
  diskFull: 0,
  crash: 0,
  stop: 0,
  clockJump: 0,
  request: 0,
};

/** All that surrounds the handler in a simulation, and the record of what has happened there. */
export class World {
  readonly dice: Dice;
  /** Dice of their own for jobs, so that settings do not shift the other throws. */
  readonly jobDice: Dice;
  readonly scenario: Scenario;
  readonly scheduler = new Scheduler();
  readonly trace: Trace;
  readonly wall: WallClock;
  readonly model: Model;
  readonly audit: Audit;
  readonly buses: readonly SimBus[];
  readonly backends = new Map<string, SimTable | SimTopic>();
  readonly weathers = new Map<string, SinkWeather>();
  readonly disk: SimDisk;
  readonly stateFile: StateFile;
  /** How often a process could have died at each kind of moment, and how often it did. */
  readonly moments = new Map<string, { passed: number; died: number }>();
  /** How often each thing happened besides. */
  readonly happenings = new Map<string, number>();
  /** Whether nothing goes wrong any more, and nothing new is published. */
  isCalm = false;
  /** What was broken first; undefined: nothing. */
  violation: string | undefined;
  /** Events published so far. */
  events = 0;
  private readonly plants: readonly Plant[];

  /** @param directory Where the handler keeps its state. */
  constructor({ seed, isTraced, sabotage }: SimulationOptions, directory: string) {
    this.stateFile = new StateFile(directory);
    this.dice = new Dice(seed);
    this.jobDice = new Dice(seed + 1);
    this.scenario = drawScenario(this.dice.fork(), sabotage?.needs);
    this.trace = new Trace(this.scheduler, isTraced);
    this.wall = new WallClock(this.scheduler);
    const { scenario, scheduler, trace } = this;
    this.buses = Array.from(
      { length: scenario.busCount },
      (_, i) =>
        new SimBus(
          `bus${i}`,
          scheduler,
          this.dice.fork(),
          trace,
          () => scenario.tellsTime ? this.wall.trueMs : undefined,
        ),
    );
    this.plants = this.buses.map((_, bus) => new Plant(bus, scenario, this.dice.fork()));
    this.model = new Model(scenario, this.wall, this.buses);
    for (const name of scenario.sinks) {
      const weather = { awayUntilMs: 0, misconfiguredUntilMs: 0, isPoisoned: scenario.hasPoison };
      this.weathers.set(name, weather);
      this.backends.set(name, name === "kafka" ? new SimTopic(weather) : new SimTable(weather));
    }
    sabotage?.backends?.(this.backends);
    this.audit = new Audit(this.model, scenario, this.wall, scheduler);
    this.disk = new SimDisk(scheduler, this.dice.fork(), () => this.rates());
  }

  /** The present probabilities of faults. */
  rates(): FaultRates {
    return this.isCalm ? CALM : this.scenario.rates;
  }

  /** Notes what was broken. The first violation counts. */
  fail(error: unknown): void {
    if (this.violation !== undefined) return;
    this.violation = error instanceof Violation
      ? error.message
      : error instanceof Error
      ? error.stack ?? error.message
      : String(error);
  }

  /** Counts a happening. */
  happens(what: string): void {
    this.happenings.set(what, (this.happenings.get(what) ?? 0) + 1);
  }

  /** Publishes events on each bus, until the calm. */
  startPublishing(): void {
    for (const bus of this.buses.keys()) this.publishSoon(bus);
  }

  /** Publishes the next events of a bus, by its number. */
  publish(bus: number, count: number): void {
    for (let i = count; i > 0; i--) {
      this.buses[bus]!.publish(this.plants[bus]!.event(this.wall.trueMs));
      this.events++;
    }
  }

  /** Ends all faults. */
  becomeCalm(): void {
    this.trace.note("sim", "CALM: nothing goes wrong any more, and nothing new is published");
    this.isCalm = true;
    this.wall.setAhead(0);
    this.disk.fullUntilMs = 0;
    this.disk.brokenUntilMs = 0;
    for (const bus of this.buses) bus.awayUntilMs = 0;
    for (const weather of this.weathers.values()) {
      weather.awayUntilMs = 0;
      weather.misconfiguredUntilMs = 0;
      if (this.scenario.isPoisonRetried) weather.isPoisoned = false;
    }
  }

  /**
   * An operator removes the trigger that refuses rows. Where no other rows are left, none passes, so that the
   * handler cannot tell that the rows are at fault, and keeps them.
   */
  removeTrigger(): void {
    for (const weather of this.weathers.values()) weather.isPoisoned = false;
  }

  /** Connects a process to the backend of a sink. */
  connectSink(name: string, crashPoint: (where: string) => void, lifetime: Lifetime): Sink {
    return this.backends.get(name)!.connect(
      new SinkLink(
        name,
        this.scheduler,
        this.dice.fork(),
        this.trace,
        () => this.rates(),
        this.weathers.get(name)!,
        crashPoint,
        lifetime,
      ),
    );
  }

  private publishSoon(bus: number): void {
    const pauseMs = Math.ceil(-Math.log(1 - this.dice.random()) * 2000 / this.scenario.eventsPerSecond);
    this.scheduler.after(Math.min(pauseMs, 5000), () => {
      if (this.isCalm) return;
      this.publish(bus, this.dice.between(1, 3));
      this.publishSoon(bus);
    });
  }
}
