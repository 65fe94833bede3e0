/**
 * Looks for faults with everything that can start from a random seed: simulation, hostile input, real faults against real servers, a
 * long run at full speed, and the property tests. Goes on after a finding, and closes with what was found.
 *
 *   make hunt ARGS="--minutes 60"
 *
 * The minutes are shared out among them. Exits with 1 when something was found.
 */
import { parseArgs } from "node:util";
import { findingsOf } from "./hunt.ts";
import { huntPlan, MIN_MINUTES } from "./plan.ts";

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "30" }, seed: { type: "string" } },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed ?? 1 + Date.now() % 1_000_000_000);
if (!(minutes >= MIN_MINUTES && Number.isFinite(minutes)) || !(Number.isSafeInteger(seed) && seed >= 1)) {
  console.error(`usage: make hunt ARGS="[--minutes M (${MIN_MINUTES} or more)] [--seed N]"`);
  Deno.exit(2);
}
const findings: string[] = [];
for (const hunt of huntPlan(minutes, seed)) {
  console.log(`\n=== ${hunt.script} ${hunt.args.join(" ")}`);
  findings.push(
    ...await findingsOf(hunt, (bytes) => {
      for (let written = 0; written < bytes.length;) {
        written += Deno.stdout.writeSync(bytes.subarray(written));
      }
    }),
  );
}
console.log(
  `\nseed ${seed}: ${
    findings.length === 0 ? "nothing found" : "found, each with the command that shows it again:"
  }`,
);
for (const finding of findings) console.log(`  ${finding}`);
Deno.exit(findings.length > 0 ? 1 : 0);
