import assert from "node:assert/strict";
import { findingsOf } from "./hunt.ts";
import { huntPlan, MIN_MINUTES } from "./plan.ts";
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

Deno.test("the minutes are shared out, and the soak gets as many as it needs", () => {
  for (const minutes of [MIN_MINUTES, 60]) {
    const shares = huntPlan(minutes, 7).map(({ script, args }) => {
      const share = Number(args[args.indexOf("--minutes") + 1]);
      return script.includes("chaos") ? share * SCENARIOS.length : share;
    });
    assert.equal(Math.round(shares.reduce((sum, share) => sum + share) * 1000), minutes * 1000);
    const soak = huntPlan(minutes, 7).find(({ script }) => script.includes("soak"))!;
    assert.ok(Number(soak.args[soak.args.indexOf("--minutes") + 1]) >= 1);
  }
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
