import type { BusRun } from "../e2e/bus_crash.ts";
import { mqttThroughKills } from "../e2e/mqtt_crash.ts";
import { natsThroughKills } from "../e2e/nats_crash.ts";
import { redisThroughKills } from "../e2e/redis_crash.ts";
import { sparkplugThroughKills } from "../e2e/sparkplug_crash.ts";
import type { Injected, Scenario, ScenarioOptions } from "./scenario.ts";

const KILLS = 10;
const EVENTS_PER_SECOND = 2000;

function runOf({ seed, seconds, log }: ScenarioOptions): BusRun {
  return { seed, events: Math.ceil(seconds * EVENTS_PER_SECOND), kills: KILLS, log };
}

/** A stream of NATS or of Redis as the bus, each event of which counts once. */
function streamBus(name: string, server: string, through: (run: BusRun) => Promise<number>): Scenario[] {
  return [false, true].map((hasTls) => ({
    name: `${name}-bus${hasTls ? "-tls" : ""}`,
    what: `${server} is the bus${hasTls ? ", by TLS" : ""}; handler and server are killed`,
    async run(options) {
      const counted = await through({ ...runOf(options), hasTls });
      return new Map([
        ["handler killed", KILLS],
        ["server killed", 2],
        ["events, each counted once", counted],
      ]);
    },
  }));
}

/** Topics of Mosquitto as the bus. It sends again, and what it sends again is counted in a capture. */
function mqttBus(qos: 1 | 2, hasTls: boolean): Scenario {
  return {
    name: `mqtt-bus-${qos}${hasTls ? "-tls" : ""}`,
    what: `Mosquitto is the bus, QoS ${qos}${hasTls ? ", by TLS" : ""}; handler and broker are killed`,
    async run(options): Promise<Injected> {
      const run = { ...runOf(options), hasTls, qos };
      const { again, doubled, messages, perhapsAgain, repeats } = await mqttThroughKills(run);
      return new Map([
        ["handler killed", KILLS],
        ["broker restarted", 1],
        ["broker killed", 1],
        ["events, none lost", messages],
        ["sendings that were repetitions", repeats],
        ...(qos === 2 ? [["exchanges too many", again + perhapsAgain] as const] : []),
        ["events too many", doubled],
      ]);
    },
  };
}

const sparkplugBus: Scenario = {
  name: "sparkplug-bus",
  what: "a Sparkplug node dies and is born, with other aliases or the same; the handler is killed",
  run: async (options) =>
    new Map([
      ["handler killed", KILLS],
      ["values, each counted once under its name", await sparkplugThroughKills(runOf(options))],
    ]),
};

/** Each bus that has a server of its own, in each way to reach it. */
export const eventBuses: readonly Scenario[] = [
  mqttBus(1, false),
  mqttBus(2, false),
  mqttBus(2, true),
  sparkplugBus,
  ...streamBus("nats", "NATS", natsThroughKills),
  ...streamBus("redis", "Redis", redisThroughKills),
];
