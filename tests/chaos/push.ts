/**
 * 500,000 lines in requests of 500, with 10 × kill -9 of the handler between and during requests:
 *
 *   scripts/deno.sh run -A tests/chaos/push.ts
 */
import { pushThroughKills } from "../e2e/push_crash.ts";
import { testSeed } from "../support/seed.ts";

const seed = testSeed(8086);
await pushThroughKills({ seed, requests: 1000, linesEach: 500, kills: 10 });
console.log(`500,000 lines in 1,000 requests, 10 kills, TEST_SEED=${seed}: each answered one counts once`);
