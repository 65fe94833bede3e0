/** Streams of Redis as the bus, with the built program and a real server. */
import { testSeed } from "../support/seed.ts";
import { redisThroughKills } from "./redis_crash.ts";

const RUN = { seed: testSeed(141), events: 20_000, kills: 3 };

Deno.test(
  `a stream, ${RUN.events} events, ${RUN.kills} × kill -9 of the handler, 2 × of Redis, trimmed behind it: ` +
    "the oracle's aggregates, and the proof",
  () => redisThroughKills(RUN).then(() => {}),
);
