/**
 * 500,000 events with QoS 1, then as many with QoS 2, each with 10 × kill -9 of the handler, a restart and a
 * kill -9 of the broker:
 *
 *   scripts/deno.sh run -A tests/chaos/mqtt.ts
 */
import { mqttThroughKills } from "../e2e/mqtt_crash.ts";
import { testSeed } from "../support/seed.ts";

const seed = testSeed(1883);
for (const qos of [1, 2] as const) {
  const { again, doubled, perhapsAgain, repeats } = await mqttThroughKills({
    seed,
    qos,
    events: 500_000,
    kills: 10,
    log: console.log,
  });
  console.log(
    `QoS ${qos}: 500,000 events, 10 kills, TEST_SEED=${seed}: none is lost; the broker has sent ${repeats} ` +
      `again, ${again + perhapsAgain} of them in another exchange, and ${doubled} count twice`,
  );
}
