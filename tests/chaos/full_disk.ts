import assert from "node:assert/strict";
import { randomNumbers } from "../support/event_stream.ts";
import { assertNoStackTrace, pause, type Program, until } from "../support/executable.ts";
import { Load } from "./load.ts";
import type { Injected, Scenario, ScenarioOptions } from "./scenario.ts";
import { theirServers } from "./servers.ts";
import { Site } from "./site.ts";
import { SmallDisk } from "./small_disk.ts";

/** The disk of the state and the embedded sink fills up again and again, with power cuts in between. */
export const fullDisk: Scenario = {
  name: "full-disk",
  what:
    "the disk of the state and the embedded sink is full for a while, and the handler is killed meanwhile",
  obstacle: () => theirServers() ?? SmallDisk.obstacle(),
  run: async (options) => {
    await using site = await Site.start(options.servers, { hasSmallDisk: true });
    await using scenario = new FullDisk(site, site.disk!, options);
    return await scenario.run();
  },
};

const FULL_MAX_MS = 3000;
const CALM_MAX_MS = 2000;
/** What the handler says while it cannot write. */
const COMPLAINT = /disk is full|No space left|disk I\/O error/;

class FullDisk implements AsyncDisposable {
  private readonly random: () => number;
  private readonly load: Load;
  private handler: Program;
  private isOver = false;
  private fillings = 0;
  private felt = 0;
  private kills = 0;
  private refusals = 0;

  constructor(
    private readonly site: Site,
    private readonly disk: SmallDisk,
    private readonly options: ScenarioOptions,
  ) {
    this.random = randomNumbers(options.seed ^ 0xd15c);
    this.load = new Load(options);
    this.handler = site.startHandler();
  }

  async run(): Promise<Injected> {
    await Promise.all([this.load.feed(this.site.bus, () => this.isOver), this.fillAgainAndAgain()]);
    await this.site.prove(this.load.oracle, this.handler);
    return new Map([
      ["disk full", this.fillings],
      ["the handler said so", this.felt],
      ["handler killed meanwhile", this.kills],
      ["handler could not start meanwhile", this.refusals],
      ["events, each in every sink once", this.load.oracle.counts.aggregated],
    ]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.isOver = true;
    await this.handler[Symbol.asyncDispose]();
  }

  private async fillAgainAndAgain(): Promise<void> {
    const rounds = Math.ceil(this.options.seconds * 1000 / ((CALM_MAX_MS + FULL_MAX_MS) / 2));
    for (let round = 0; round < rounds; round++) {
      await pause(this.random() * CALM_MAX_MS);
      await this.fillOnce(this.random() * FULL_MAX_MS, this.random() < 0.4);
    }
  }

  private async fillOnce(fullMs: number, isKilled: boolean): Promise<void> {
    await this.atWork();
    this.fillings++;
    this.options.log(`disk full ${(fullMs / 1000).toFixed(1)} s${isKilled ? ", handler killed" : ""}`);
    const saidBefore = this.handler.stderr.length;
    this.disk.fill();
    await pause(fullMs / 2);
    if (isKilled) {
      this.kills++;
      this.noteComplaint(this.handler, saidBefore);
      await this.handler.kill9();
      assertNoStackTrace(this.handler);
      this.handler = this.site.startHandler();
    }
    // Space that a truncated write-ahead log has given back is filled again.
    this.disk.fill();
    await pause(fullMs / 2);
    this.disk.free();
    if (isKilled) await this.atWork();
    this.noteComplaint(this.handler, isKilled ? 0 : saidBefore);
  }

  private noteComplaint({ stderr }: Program, from: number): void {
    if (COMPLAINT.test(stderr.slice(from))) this.felt++;
  }

  /** A handler without room at its start may end with a message. Its supervisor starts it again. */
  private async atWork(): Promise<void> {
    const hasStarted = () => /\bstarted\b|fetching/.test(this.handler.stderr);
    for (;;) {
      await until(
        () => hasStarted() || this.handler.exitCode !== undefined,
        "the handler to start or to end",
      );
      if (this.handler.exitCode === undefined) return;
      assert.ok(!hasStarted(), `ended while at work: ${this.handler.tail()}`);
      assert.equal(this.handler.exitCode, 1, this.handler.tail());
      assert.match(this.handler.stderr, COMPLAINT);
      assertNoStackTrace(this.handler);
      this.refusals++;
      this.handler = this.site.startHandler();
    }
  }
}
