/** Deaths of the handler and of a bus that keeps what was read: everything counts once. */
import assert from "node:assert/strict";
import {
  type Environment,
  PATIENCE_MS,
  pause,
  Program,
  runCheck,
  runToEnd,
  temporaryDirectory,
  until,
} from "../support/executable.ts";
import { eventStream, randomNumbers, recentBaseMs } from "../support/event_stream.ts";
import { Oracle } from "../support/oracle.ts";
import { handlerEnvironment, observed } from "./plant.ts";
import { assertExact } from "./proof.ts";

const WINDOW_MS = 60_000;

export interface BusRun {
  readonly seed: number;
  readonly events: number;
  /** Of the handler: two at least. The bus is killed twice. */
  readonly kills: number;
  /** Whether the handler reaches the bus by TLS. */
  readonly hasTls?: boolean;
  /** Reports each step. */
  readonly log?: (line: string) => void;
}

/** A bus in its own process. */
export interface CrashingBus {
  /** Settings with which a handler reads it. */
  readonly environment: Environment;
  /** What `check` says before and after something was published. */
  readonly whenEmpty: RegExp;
  readonly whenFilled: RegExp;
  /** Publishes events, given as JSON texts; all are on disk then. */
  publish(texts: readonly string[]): Promise<void>;
  /** `kill -9`, and started again on its data. */
  restart(): Promise<void>;
}

/**
 * Publishes events while the handler dies again and again, and the bus twice. Each must be in the sink once,
 * and proven. Returns how many events there are.
 */
export async function busThroughKills(
  bus: CrashingBus,
  { seed, events, kills, log = () => {} }: BusRun,
): Promise<number> {
  await using directory = await temporaryDirectory();
  const environment = handlerEnvironment(bus.environment.VABUS_URL!, directory.path, {
    STORAGE_TYPE: "sqlite",
    VABUS_BATCH_SIZE: "500",
    CHECKPOINT_INTERVAL: "0.1",
    ...bus.environment,
  });
  const random = randomNumbers(seed);
  const oracle = new Oracle(WINDOW_MS);
  const stream = eventStream({
    seed,
    eventCount: events,
    nameCount: 50,
    baseMs: recentBaseMs(WINDOW_MS, 10),
    windowSizeMs: WINDOW_MS,
    windowCount: 10,
  });
  const texts = [...observed(stream, oracle)];
  const waiting = await runCheck(environment);
  assert.match(waiting.stdout + waiting.stderr, bus.whenEmpty);
  const share = Math.ceil(texts.length / kills);
  for (let life = 0; life < kills; life++) {
    await using handler = Program.start(["run"], environment);
    await bus.publish(texts.slice(life * share, (life + 1) * share));
    if (life === 1 || life === kills - 1) {
      log("the bus is killed");
      await bus.restart();
    }
    await Promise.race([pause(random() * 1500), handler.exit]);
    log("the handler is killed");
    await handler.kill9();
  }
  const check = await runCheck(environment);
  assert.equal(check.code, 0, check.stdout + check.stderr);
  assert.match(check.stdout, bus.whenFilled);
  await until(
    async () => (await runToEnd(["once", "--flush"], environment)).code === 0,
    "all events to be read",
    PATIENCE_MS,
  );
  await assertExact(oracle, environment);
  return oracle.counts.aggregated;
}
