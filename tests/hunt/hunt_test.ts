import assert from "node:assert/strict";
import { findingsOf } from "./hunt.ts";
import { KINDS, MIN_MINUTES, shareOfFirst } from "./plan.ts";
import { SCENARIOS } from "../chaos/scenarios.ts";

/** The findings of a hunt whose script is this text, and what was passed on of its output. */
async function hunted(text: string) {
  const script = await Deno.makeTempFile({ prefix: "vabus-hunt-", suffix: ".ts" });
  const decoder = new TextDecoder();
  let output = "";
  try {
    await Deno.writeTextFile(script, text);
    const hunt = { script, args: ["--seed", "7"] };
    const findings = await findingsOf(hunt, (bytes) => output += decoder.decode(bytes, { stream: true }));
    return { script, findings, output };
  } finally {
    await Deno.remove(script);
  }
}

/** What each kind is given of the minutes, when each takes so many times as long as it is given. */
function shared(minutes: number, timesAsLong: number): number[] {
  let left = minutes;
  return KINDS.map((_, i) => {
    const share = shareOfFirst(KINDS.slice(i), left);
    left -= share * timesAsLong;
    return share;
  });
}

Deno.test("the minutes are shared out, to the last", () => {
  for (const minutes of [MIN_MINUTES, 60]) {
    const sum = shared(minutes, 1).reduce((sum, share) => sum + share);
    assert.equal(Math.round(sum * 1000), minutes * 1000);
  }
});

Deno.test("who takes longer takes it from those that follow, down to what is of use", () => {
  const shares = shared(20, 2);
  for (const [i, share] of shares.slice(1).entries()) {
    const { parts, leastMinutes } = KINDS[i + 1]!;
    assert.ok(share < 20 * parts / 10 && share >= leastMinutes, `${shares}`);
  }
});

Deno.test("a kind that plays several scenarios gives each its part of the minutes, and begins none after them", () => {
  const { args } = KINDS[0]!.with(SCENARIOS.length * 2, 7);
  assert.deepEqual(args, ["--seed", "7", "--minutes", "2", "--within", `${SCENARIOS.length * 2}`]);
});

Deno.test("a hunt that ends well has found nothing, whatever it says", async () => {
  const { findings, output } = await hunted('console.log("replay: nothing"); console.error("on stderr");');
  assert.deepEqual(findings, []);
  assert.match(output, /on stderr/);
});

Deno.test("each finding is the command that shows it again", async () => {
  const { findings } = await hunted(`
    console.log("fault one\\n  replay: make sim ARGS=\\"--seed 1 --verbose\\"");
    console.error("fault two\\nReplay: make fuzz ARGS=\\"--seed 2\\"");
    Deno.exit(1);`);
  assert.deepEqual(findings, ['make sim ARGS="--seed 1 --verbose"', 'make fuzz ARGS="--seed 2"']);
});

Deno.test("of a hunt that dies without a word the hunt itself is to be repeated", async () => {
  const { findings, script } = await hunted('Deno.kill(Deno.pid, "SIGKILL");');
  assert.deepEqual(findings, [`scripts/deno.sh run --allow-all ${script} --seed 7`]);
});
