/**
 * How long a handler that was stopped takes until its SUBSCRIBE goes to a real Mosquitto. Several executables
 * take turns, and the quartiles of each are told:
 *
 * `scripts/deno.sh run --allow-all bench/mqtt_start.ts ROUNDS EXECUTABLE...`
 */
import { resolve } from "node:path";
import { handlerEnvironment } from "../tests/e2e/plant.ts";
import { pause, Program, temporaryDirectory } from "../tests/support/executable.ts";
import { MosquittoServer } from "../tests/support/mosquitto_server.ts";
import { TcpProxy } from "../tests/support/tcp_proxy.ts";
import { quantile } from "./report.ts";

const SUBSCRIBE = 8;
const SEEN_AFTER_MS = 300;

/** When the next SUBSCRIBE passes. It begins a piece, since the CONNECT was answered before. */
function nextSubscribe(relay: TcpProxy): Promise<number> {
  return new Promise((resolve) => {
    relay.seen = (piece) => piece[0]! >> 4 === SUBSCRIBE && resolve(performance.now());
  });
}

const [rounds, ...names] = Deno.args;
const broker = await MosquittoServer.start();
try {
  await using relay = TcpProxy.start();
  relay.leadTo(broker.port);
  await using home = await temporaryDirectory();
  const times = names.map((): number[] => []);
  // In the first round there is no position yet, so that no checkpoint is needed before the connection.
  for (let round = 0; round <= Number(rounds); round++) {
    for (const [i, name] of names.entries()) {
      const environment = handlerEnvironment(`mqtt://${relay.address}/plant/+`, `${home.path}/${i}`, {
        INSTANCE_ID: `start-${i}`,
        STORAGE_TYPE: "sqlite",
      });
      const subscribed = nextSubscribe(relay);
      const startedMs = performance.now();
      await using handler = Program.start(["run"], environment, resolve(name));
      const ms = await subscribed - startedMs;
      // The stop comes when the session was seen, so that the next start finds that.
      await pause(SEEN_AFTER_MS);
      await handler.stop();
      if (round > 0) times[i]!.push(ms);
    }
  }
  const quartiles = (values: readonly number[]) => {
    const sorted = values.toSorted((a, b) => a - b);
    return [0.25, 0.5, 0.75].map((part) => quantile(sorted, part).toFixed(1)).join(", ");
  };
  for (const [i, name] of names.entries()) {
    console.log(`${name}: ${quartiles(times[i]!)} ms`);
    const more = times[i]!.map((ms, round) => ms - times[0]![round]!);
    if (i > 0) console.log(`  more than the first in the same round: ${quartiles(more)} ms`);
  }
} finally {
  await broker.remove();
}
