import assert from "node:assert/strict";
import { randomNumbers } from "../support/event_stream.ts";
import { assertNoStackTrace, pause, type Program, runToEnd } from "../support/executable.ts";
import { Load } from "./load.ts";
import type { Injected, Scenario, ScenarioOptions } from "./scenario.ts";
import { theirServers, type WireName } from "./servers.ts";
import { Site } from "./site.ts";

/** Everything that can fail does, one after another and two at once, while events flow. */
export const storm: Scenario = {
  name: "storm",
  what: "kill -9 of handler, bus, PostgreSQL and Kafka, wires cut, stalled and slowed, the handler " +
    "frozen and restarted",
  obstacle: theirServers,
  run: async (options) => {
    await using site = await Site.start(options.servers);
    await using storming = new Storm(site, options);
    return await storming.run();
  },
};

const WIRES: readonly WireName[] = ["bus", "postgres", "kafka"];

/** The relative frequency of each fault. Faults with a long recovery are rarer. */
const FAULTS: readonly (readonly [weight: number, fault: keyof Storm & `${string}Fault`])[] = [
  [8, "handlerKilledFault"],
  [2, "handlerStoppedFault"],
  [3, "handlerFrozenFault"],
  [8, "wireCutFault"],
  [5, "wireStalledFault"],
  [4, "wireSlowFault"],
  [3, "busKilledFault"],
  [2, "postgresKilledFault"],
  [1, "kafkaKilledFault"],
  [3, "auditFault"],
];

/** Its recovery takes some 15 s, which would be all of a shorter storm. */
const WORTH_KILLING_KAFKA_SECONDS = 30;

/** Average time of a fault and the pause after it. */
const ROUND_SECONDS = 2.5;

class Storm implements AsyncDisposable {
  private readonly random: () => number;
  private readonly injected = new Map<string, number>();
  private readonly load: Load;
  private handler: Program;
  private isOver = false;

  constructor(private readonly site: Site, private readonly options: ScenarioOptions) {
    // The events have a randomness of their own: the schedule must not depend on how many there are.
    this.random = randomNumbers(options.seed ^ 0x5eed);
    this.load = new Load(options);
    this.handler = site.startHandler();
  }

  async run(): Promise<Injected> {
    await Promise.all([this.load.feed(this.site.bus, () => this.isOver), this.rage()]);
    this.options.log(`calm: ${this.load.oracle.counts.received} events are on the bus`);
    await this.site.prove(this.load.oracle, this.handler);
    this.count("events, each in every sink once", this.load.oracle.counts.aggregated);
    return this.injected;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.isOver = true;
    await this.handler[Symbol.asyncDispose]();
  }

  private async rage(): Promise<void> {
    const rounds = Math.ceil(this.options.seconds / ROUND_SECONDS);
    for (let round = 0; round < rounds; round++) {
      // Sometimes a second fault comes while the first one is there: what fails together is seldom
      // independent.
      await Promise.all(this.random() < 0.3 ? [this.fault(), this.fault()] : [this.fault()]);
      await pause(this.random() * 1500);
      this.assertAlive();
    }
  }

  private async fault(): Promise<void> {
    const isShort = this.options.seconds < WORTH_KILLING_KAFKA_SECONDS;
    const faults = FAULTS.filter(([, fault]) => !(isShort && fault === "kafkaKilledFault"));
    let draw = this.random() * faults.reduce((sum, [weight]) => sum + weight, 0);
    const [, fault] = faults.find(([weight]) => (draw -= weight) < 0)!;
    await this[fault](this.random(), this.random());
  }

  private count(what: string, amount = 1): void {
    this.injected.set(what, (this.injected.get(what) ?? 0) + amount);
  }

  private note(what: string, detail = ""): void {
    this.count(what);
    this.options.log(`${what}${detail && ` ${detail}`}`);
  }

  private assertAlive(): void {
    assert.equal(this.handler.exitCode, undefined, `the handler has ended by itself\n${this.handler.tail()}`);
  }

  /** Restarts the handler. Two faults at once must not do so together. */
  private async nextLife(
    what: string,
    end: (handler: Program) => Promise<void>,
    downMs: number,
  ): Promise<void> {
    const { handler } = this;
    if (this.isChanging) return;
    this.isChanging = true;
    this.note(what);
    this.assertAlive();
    await end(handler);
    assertNoStackTrace(handler);
    await pause(downMs);
    this.handler = this.site.startHandler();
    this.isChanging = false;
  }
  private isChanging = false;

  async handlerKilledFault(down: number): Promise<void> {
    await this.nextLife("handler killed", (handler) => handler.kill9(), down < 0.5 ? 0 : down * 2000);
  }

  async handlerStoppedFault(down: number): Promise<void> {
    await this.nextLife("handler stopped", async (handler) => {
      assert.equal(await handler.stop(25_000), 0, handler.tail());
    }, down * 1000);
  }

  async handlerFrozenFault(length: number): Promise<void> {
    this.note("handler frozen", `${(length * 5).toFixed(1)} s`);
    const { handler } = this;
    handler.signal("SIGSTOP");
    await pause(length * 5000);
    handler.signal("SIGCONT");
  }

  async wireCutFault(which: number, length: number): Promise<void> {
    await this.onWire("cut", which, length * length * 6000, (name) => this.site.servers.wires[name].cut());
  }

  async wireStalledFault(which: number, length: number): Promise<void> {
    await this.onWire("stalled", which, length * 6000, (name) => this.site.servers.wires[name].stall());
  }

  async wireSlowFault(which: number, length: number): Promise<void> {
    await this.onWire(
      "slow",
      which,
      length * 5000,
      (name) => this.site.servers.wires[name].slowDown(20 + length * 300),
    );
  }

  private async onWire(what: string, which: number, lengthMs: number, break_: (name: WireName) => void) {
    const name = WIRES[Math.floor(which * WIRES.length)]!;
    this.note(`wire to ${name} ${what}`, `${(lengthMs / 1000).toFixed(1)} s`);
    break_(name);
    await pause(lengthMs);
    this.site.servers.wires[name].mend();
  }

  async busKilledFault(down: number): Promise<void> {
    if (!this.claim("bus")) return;
    this.note("bus killed");
    await this.site.bus.kill();
    await pause(down * 1000);
    await this.site.bus.restart();
    this.claimed.delete("bus");
  }

  async postgresKilledFault(): Promise<void> {
    if (!this.claim("postgres")) return;
    this.note("PostgreSQL killed");
    await this.site.servers.crashPostgres();
    this.claimed.delete("postgres");
  }

  async kafkaKilledFault(): Promise<void> {
    if (!this.claim("kafka")) return;
    this.note("Kafka killed");
    await this.site.servers.crashKafka();
    this.claimed.delete("kafka");
  }

  /**
   * The books must balance at any moment, whether the handler runs or not. The servers may be away, so only
   * the SQLite sink is read, and `verify` ends with what it has not read.
   */
  async auditFault(): Promise<void> {
    const audit = await runToEnd(["verify"], { ...this.site.environment, STORAGE_TYPE: "sqlite" });
    // A handler that has not come to its first checkpoint has no state and no table to be proven.
    const isEarly = /no state in|no such table|knows no such sink|unable to open/.test(
      audit.stdout + audit.stderr,
    );
    const isProven = /^state +the books balance/m.test(audit.stdout) && /^sqlite +equal/m.test(audit.stdout);
    assert.ok(isProven || isEarly, audit.stdout + audit.stderr);
    this.note("books audited meanwhile");
  }

  private readonly claimed = new Set<string>();

  /** Whether a server is not being killed already by the other fault. */
  private claim(server: string): boolean {
    if (this.claimed.has(server)) return false;
    this.claimed.add(server);
    return true;
  }
}
