/**
 * Looks for faults with everything that can start from a random seed: simulation, hostile input, real faults
 * against real servers, a long run at full speed, and the property tests. Goes on after a finding, and closes
 * with what was found.
 *
 *   make hunt ARGS="--minutes 60"
 *
 * The minutes are shared out among them; who takes longer takes it from those that follow. Exits with 1 when
 * something was found.
 */
import { flagsOf } from "../../scripts/flags.ts";
import { findingsOf } from "./hunt.ts";
import { KINDS, MIN_MINUTES, shareOfFirst } from "./plan.ts";

const values = flagsOf({ minutes: { type: "string", default: "30" }, seed: { type: "string" } });
const minutes = Number(values.minutes);
const seed = Number(values.seed ?? 1 + Date.now() % 1_000_000_000);
if (!(minutes >= MIN_MINUTES && Number.isFinite(minutes)) || !(Number.isSafeInteger(seed) && seed >= 1)) {
  console.error(`usage: make hunt ARGS="[--minutes M (${MIN_MINUTES} or more)] [--seed N]"`);
  Deno.exit(2);
}
const startedMs = performance.now();
const minutesPassed = () => (performance.now() - startedMs) / 60_000;
const findings: string[] = [];
for (const i of KINDS.keys()) {
  const kinds = KINDS.slice(i);
  const hunt = kinds[0]!.with(shareOfFirst(kinds, minutes - minutesPassed()), seed);
  console.log(`\n=== ${hunt.script} ${hunt.args.join(" ")}`);
  findings.push(
    ...await findingsOf(hunt, (bytes) => {
      for (let written = 0; written < bytes.length;) {
        written += Deno.stdout.writeSync(bytes.subarray(written));
      }
    }),
  );
}
for (const finding of findings) console.log(`found; to see it again: ${finding}`);
console.log(
  `seed ${seed}, ${minutesPassed().toFixed(1)} minutes: ${
    findings.length === 0 ? "nothing found" : `${findings.length} found, see above`
  }`,
);
Deno.exit(findings.length > 0 ? 1 : 0);
