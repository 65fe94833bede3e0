/** The demo, as a newcomer sees it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import {
  assertNoStackTrace,
  executablePath,
  PATIENCE_MS,
  Program,
  runToEnd,
  temporaryDirectory,
  until,
} from "../support/executable.ts";
import { hasTerminals, Terminal } from "./terminal.ts";

const RECEIVED =
  /([\d,]+) events received\n {2}= ([\d,]+) aggregated \+ ([\d,]+) refused;\n.*: ([\d,]+) in closed/g;

Deno.test("the demo's help shows the values that it has", async () => {
  const { stdout } = await runToEnd(["demo", "--help"]);
  const text = stdout.replace(/\s+/g, " ");
  assert.match(text, /--aggregation-interval .*, such as 10,60,3600 \(default: 5,15\)/);
  assert.match(text, /\(default: 127\.0\.0\.1:0\)/);
  assert.match(text, /\(default: a temporary directory, deleted at the end\)/);
  assert.doesNotMatch(text, /is also an environment variable/);
});

Deno.test("a demo that is killed goes on with the numbers right, and corrects its windows before the eyes", async () => {
  await using directory = await temporaryDirectory();
  const state = join(directory.path, "with a space");
  const args = ["demo", "--acts", "none", "--state-dir", state, "--aggregation-interval", "1"];
  let killedWith = 0;
  {
    await using first = Program.start(args);
    await until(
      () => /corrected by a late event: .* of [\d,]+ → .* of [\d,]+ events?, revision \d/.test(first.stdout),
      "a correction",
      PATIENCE_MS,
      [
        first,
      ],
    );
    assert.match(first.stdout, new RegExp(`kill -9 ${first.pid} `));
    const pasted = /look also +(.*)/.exec(first.stdout)![1]!;
    const { code, stdout, stderr } = await new Deno.Command("sh", { args: ["-c", pasted] }).output();
    assert.equal(code, 0, `${pasted}\n${new TextDecoder().decode(stderr)}`);
    assert.match(new TextDecoder().decode(stdout), /demo, running/);
    // What follows it on a terminal is there with its address, whatever the state directory.
    for (const [what, shows] of [["follow", /^\S+ demo: .*sink sqlite/], ["tap", /"agg_func"/]] as const) {
      const line = new RegExp(`^ {2}${what} +(.*)$`, "m").exec(first.stdout)![1]!;
      const script = join(directory.path, what);
      await Deno.writeTextFile(script, `#!/bin/sh\nexec ${line}\n`, { mode: 0o755 });
      await using follower = Program.start([], {}, script);
      await until(() => shows.test(follower.stdout), line, PATIENCE_MS, [follower, first]);
    }
    const second = await runToEnd(args);
    assert.equal(second.code, 75, second.stderr);
    assert.match(second.stderr, /A demo runs on/);
    const pushed = /curl (http:\/\/127\.0\.0\.1:\d+)\/write/.exec(first.stdout)![1]!;
    const own = await fetch(`${pushed}/write`, { method: "POST", body: "press,machine=9 temperature=21" });
    assert.equal(own.status, 204);
    await first.kill9();
    await hasNoHandler(state);
    killedWith = sumsUp((await status(state)).accounting);
  }
  await using again = Program.start(args);
  await until(() => /late, counted/.test(again.stdout), "its progress", PATIENCE_MS, [again]);
  using sink = new DatabaseSync(join(state, "aggregates.sqlite"), { readOnly: true });
  const machines = sink.prepare(
    "SELECT DISTINCT labels FROM aggregated_events WHERE name = 'press.temperature'",
  );
  await until(() => machines.all().length >= 4, "what its gateway has pushed", PATIENCE_MS, [again]);
  assert.equal(await again.stop(), 0, again.tail());
  assertNoStackTrace(again);
  const [before, after] = [...again.stdout.matchAll(RECEIVED)].map((match) =>
    match.slice(1).map((text) => Number(text.replaceAll(",", "")))
  ) as [number[], number[]];
  assert.equal(before[0], killedWith);
  assert.ok(after[0]! > before[0]!);
  for (const [received, aggregated, refused] of [before, after]) {
    assert.equal(aggregated! + refused!, received, again.stdout);
  }
  const proven = /sqlite +equal: (\d+) of (\d+) events/.exec(again.stdout)!;
  assert.equal(Number(proven[1]), after[3], again.stdout);
  assert.match(again.stdout, /^PROVEN: no event is lost/m);
});

Deno.test("a demo leaves a state alone that is not a demo's", async () => {
  await using directory = await temporaryDirectory();
  await Deno.writeTextFile(join(directory.path, "state.sqlite"), "somebody's");
  const { code, stderr } = await runToEnd(["demo", "--state-dir", directory.path]);
  assert.equal(code, 2, stderr);
  assert.match(stderr, /not a demo's.*another --state-dir/);
});

Deno.test("a demo refuses flags that would lead elsewhere, and what is no directory", async () => {
  await using directory = await temporaryDirectory();
  const foreign = await runToEnd([
    "demo",
    "--storage-type",
    "kafka",
    "--vabus-url",
    "http://bus:8000",
    "--env-file",
    "x",
  ]);
  assert.equal(foreign.code, 2, foreign.stderr);
  for (const flag of ["--storage-type", "--vabus-url", "--env-file"]) {
    assert.match(foreign.stderr, new RegExp(`${flag} is not for the demo`));
  }
  const file = join(directory.path, "file");
  await Deno.writeTextFile(file, "");
  for (const path of [file, join(file, "below"), "/etc/passwd/below"]) {
    for (
      const args of [["demo", "--state-dir", path], ["bus", "--listen", "127.0.0.1:0", "--data-dir", path]]
    ) {
      const { code, stderr } = await runToEnd(args);
      assert.equal(code, 1, stderr);
      assert.match(stderr, /cannot be used: .*no directory\. Give another/);
    }
  }
});

Deno.test({
  name: "a terminal that has colours gets them, unless NO_COLOR is set",
  ignore: !await hasTerminals(),
  async fn() {
    await using directory = await temporaryDirectory();
    for (const noColor of [{}, { NO_COLOR: "1" }]) {
      const environment = { PATH: Deno.env.get("PATH")!, HOME: directory.path, ...noColor };
      await using terminal = await Terminal.open(directory.path, environment, { asSeen: true });
      const from = terminal.screen.length;
      await terminal.start(`'${executablePath()}' demo --aggregation-interval 1`, /newest aggregates/);
      await terminal.interrupt();
      const seen = terminal.screen.slice(from);
      // deno-lint-ignore no-control-regex
      assert.equal(/\x1b\[32mPROVEN/.test(seen), !("NO_COLOR" in noColor), seen);
      assert.match(seen, /PROVEN: no event is lost/);
    }
  },
});

/** Waits until the handler of a demo that was killed has ended too. */
async function hasNoHandler(state: string): Promise<void> {
  await until(
    async () => /not running/.test((await runToEnd(["status", "--state-dir", state])).stdout),
    "the end of the handler",
  );
}

async function status(state: string): Promise<{ accounting: Record<string, number> }> {
  return JSON.parse((await runToEnd(["status", "--state-dir", state, "--json"])).stdout);
}

function sumsUp(
  { received, aggregated, duplicate, invalid, future, late, overflow }: Record<string, number>,
): number {
  assert.equal(aggregated! + duplicate! + invalid! + future! + late! + overflow!, received);
  return received!;
}

Deno.test("the demo shows two intervals, and three functions of one name", async () => {
  await using directory = await temporaryDirectory();
  const state = join(directory.path, "demo");
  await using demo = Program.start(["demo", "--state-dir", state, "--aggregation-interval", "1,2"]);
  await until(
    () => {
      using database = new DatabaseSync(join(state, "aggregates.sqlite"), { readOnly: true });
      const rows = database.prepare(
        `select distinct agg_func, window_end - window_start as seconds from aggregated_events
       where name = 'plant.line0.temperature.0'`,
      ).all();
      return rows.length === 6;
    },
    "avg, min and max in windows of both lengths",
    PATIENCE_MS,
    [demo],
  );
  assert.match(demo.stdout, /windows {5}1 s, 2 s, closed 1 s after/);
  assert.match(demo.stdout, /functions {3}avg, min, max of plant\.line0\.temperature\.0/);
  assert.equal(await demo.stop(), 0, demo.tail());
  assert.match(demo.stdout, /^PROVEN: no event is lost/m);
});
