import { systemClock } from "../platform/clock/clock.ts";
import type { DemoGateway } from "./gateway.ts";

/** Events published at a time, at most. */
const BATCH_EVENTS = 20_000;
const TICK_MS = 100;
/**
 * Events by which the plant may be ahead of the handler. Then it waits, so that the bus does not overflow.
 */
const MAX_AHEAD_EVENTS = 1_000_000;
const DISORDER_MS = 800;
const LATE_MS = 15_000;
/** By how much the clock of a device is ahead that is wrong. */
const AHEAD_MS = 3600_000;
const FUNCTIONS = ["avg", "max", "min", "sum", "count", "last", "stddev", "p99"];
/** The sensor whose events name no function, and the functions that the demo's settings give it. */
export const PLAIN_SENSOR = "plant.line0.temperature.0";
export const PLAIN_FUNCTIONS = ["avg", "min", "max"];
/** Shares of events, from 0 to 1, that are not as they should be. */
export interface Faults {
  /** Up to {@link LATE_MS} late: they were measured while their device had no network. */
  readonly late: number;
  /** Text where a number belongs. */
  readonly garbage: number;
  /** From a device whose clock is an hour ahead. */
  readonly ahead: number;
}

export const NO_FAULTS: Faults = { late: 0, garbage: 0, ahead: 0 };
/** A plant on any day. */
export const USUAL_FAULTS: Faults = { late: 0.002, garbage: 0.0005, ahead: 0 };
/** A plant on a bad day. There are fewer refused events than would raise an alarm. */
export const MANY_FAULTS: Faults = { late: 0.04, garbage: 0.01, ahead: 0.005 };
const KINDS = ["temperature", "pressure", "flow", "vibration", "power"];

/** The simulated plant of the demo: sensors that publish at a steady rate, not all of them in order. */
export class DemoPlant {
  faults: Faults = USUAL_FAULTS;
  private publishedEvents = 0;
  private receivedBefore = 0;

  constructor(
    private readonly busUrl: string,
    private readonly eventsPerSecond: number,
    private readonly names: number,
    private readonly random: () => number,
    private readonly gateway: DemoGateway,
  ) {}

  /** Events that were published since it runs. */
  get published(): number {
    return this.publishedEvents;
  }

  /** Events that the handler has received, including those of earlier runs, once it has read all of them. */
  get receivedOnceRead(): number {
    return this.receivedBefore + this.publishedEvents;
  }

  /**
   * Publishes until the signal fires.
   *
   * @param received Events that the handler has received so far, including those of earlier runs.
   * @throws {Error} The bus or the listener does not accept the events.
   */
  async run(received: () => number, signal: AbortSignal): Promise<void> {
    const startedMs = performance.now();
    this.receivedBefore = received();
    let measured = 0;
    while (!signal.aborted) {
      const due = Math.floor((performance.now() - startedMs) / 1000 * this.eventsPerSecond) - measured;
      const room = MAX_AHEAD_EVENTS - (this.receivedOnceRead - received());
      const count = Math.min(due, room, BATCH_EVENTS);
      if (count > 0) {
        await this.publish(count);
        measured += count;
        this.publishedEvents += count;
      }
      this.publishedEvents += await this.gateway.pushWhenDue(performance.now(), signal);
      if (count < BATCH_EVENTS) await systemClock.sleep(TICK_MS, signal);
    }
  }

  private async publish(count: number): Promise<void> {
    const nowMs = Date.now();
    const events = Array.from({ length: count }, () => this.event(nowMs));
    const reply = await fetch(`${this.busUrl}/events`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: `[${events.join(",")}]`,
    });
    await reply.body?.cancel();
    if (!reply.ok) throw new Error(`the demo's bus answered ${reply.status} to its events`);
  }

  private event(nowMs: number): string {
    const { random } = this;
    const sensor = Math.floor(random() * this.names);
    const name = `plant.line${sensor % 8}.${KINDS[sensor % KINDS.length]}.${sensor}`;
    const draw = random();
    const { ahead, garbage, late } = this.faults;
    if (draw < garbage) return `{"name":"${name}","value":"n/a"}`;
    const delayMs = draw < garbage + ahead
      ? -AHEAD_MS
      : draw < garbage + ahead + late
      ? LATE_MS * random()
      : DISORDER_MS * random();
    const swing = Math.sin(nowMs / 20_000 + sensor);
    const value = 20 + sensor % 60 + 5 * swing + random();
    return `{"name":"${name}","value":${value.toFixed(2)},"timestamp":${
      ((nowMs - delayMs) / 1000).toFixed(3)
    }${name === PLAIN_SENSOR ? "" : `,"agg_func":"${FUNCTIONS[sensor % FUNCTIONS.length]}"`}${
      labelsOf(sensor)
    }}`;
  }
}

/** Some sensors have labels. */
function labelsOf(sensor: number): string {
  return sensor % 4 === 3 ? `,"labels":{"hall":"${sensor % 3 + 1}","machine":"press ${sensor % 24}"}` : "";
}
