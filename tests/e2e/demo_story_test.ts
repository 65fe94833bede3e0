/** The demo's story, and that none of its processes outlives it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import {
  assertNoStackTrace,
  executablePath,
  PATIENCE_MS,
  Program,
  runToEnd,
  temporaryDirectory,
  until,
} from "../support/executable.ts";

/** What a directory of a demo has in it at one moment after the other. */
const SIGNS = [".", "bus.sqlite", "lock", "state.sqlite", "aggregates.sqlite"];

Deno.test("the demo tells its story in four acts, with the dashboard first and a proof at the end", async () => {
  await using directory = await temporaryDirectory();
  const state = join(directory.path, "demo");
  await using demo = Program.start([
    "demo",
    ...["--state-dir", state, "--act-duration", "1", "--aggregation-interval", "1"],
  ]);
  await until(() => demo.stdout.includes("\n"), "its first line", PATIENCE_MS, [demo]);
  const [, url] = /^Dashboard: (http:\/\/127\.0\.0\.1:\d+\/)\n/.exec(demo.stdout)!;
  const page = await fetch(url!);
  await page.body?.cancel();
  assert.equal(page.status, 200);
  await until(() => demo.stdout.includes("That was the story"), "the end of the story", PATIENCE_MS, [demo]);
  const told = demo.stdout;
  for (const [index, title] of ["data flows", "devices send", "a sink goes", "kill -9"].entries()) {
    assert.match(
      told,
      new RegExp(`^Act ${index + 1} of 4: ${title}.*\n( {2}(happens|look at|proves) .*\n){3}`, "m"),
    );
  }
  assert.equal(told.match(/^ {2}outcome /gm)?.length, 4, told);
  assert.match(told, /outcome +[\d,]+ events were received, [\d,]+ aggregated/);
  assert.match(
    told,
    /[\d,]+ events came after their window had closed and were counted; [\d,]+ were refused/,
  );
  assert.match(
    told,
    /The sink was away for [\d.]+ s; [\d,]+ aggregates? waited\. The outbox was empty again/,
  );
  const [, killed, next] = /Process (\d+) was killed, process (\d+) has gone on/.exec(told)!;
  assert.notEqual(killed, next);
  assert.match(told, new RegExp(`kill -9 ${killed} `));
  assert.match(told, /The proof so far[^]*^PROVEN: no event is lost, none is counted twice$/m);
  const again = await fetch(url!);
  await again.body?.cancel();
  assert.equal(again.status, 200, "the page's address is the same after the restart");
  assert.equal(await demo.stop(), 0, demo.tail());
  assertNoStackTrace(demo);
  assert.equal(demo.stdout.match(/^PROVEN/gm)?.length, 2);
  assert.equal(demo.stderr, "");
  await assertNoHandler(state);
});

Deno.test("a demo that is killed leaves no handler behind", async () => {
  await using directory = await temporaryDirectory();
  await using demo = Program.start(["demo", "--state-dir", directory.path, "--http-listen", "off"]);
  await until(() => demo.stdout.includes("Act 1"), "the first act", PATIENCE_MS, [demo]);
  assert.match(demo.stdout, /^Dashboard: none, since HTTP_LISTEN is off\n/);
  await demo.kill9();
  await until(async () => await isWithoutHandler(directory.path), "the end of the handler");
});

Deno.test("a demo that is told to end at any moment leaves no handler behind", async () => {
  for (const [moment, sign] of SIGNS.entries()) {
    await using directory = await temporaryDirectory();
    await using demo = Program.start(["demo", "--state-dir", directory.path]);
    await until(() => isThere(join(directory.path, sign)), sign, PATIENCE_MS, [demo]);
    demo.signal(moment % 2 === 0 ? "SIGTERM" : "SIGINT");
    const code = await demo.ended();
    // Before the program's first line a signal ends it at once.
    assert.ok([0, 130, 143].includes(code), `${code}: ${demo.tail()}`);
    assertNoStackTrace(demo);
    await assertNoHandler(directory.path);
  }
});

Deno.test("a demo whose reader has gone ends, with its handler", async () => {
  await using directory = await temporaryDirectory();
  const command = `'${executablePath()}' demo --state-dir '${directory.path}' --act-duration 1 | head -n 1`;
  const shell = join(directory.path, "..", `${crypto.randomUUID()}.sh`);
  await Deno.writeTextFile(shell, `#!/bin/sh\n${command}\n`, { mode: 0o755 });
  try {
    await using demo = Program.start([], {}, shell);
    assert.equal(await demo.ended(), 0);
    assert.match(demo.stdout, /^Dashboard: http:.*\n$/);
    assert.equal(demo.stderr, "");
    await assertNoHandler(directory.path);
  } finally {
    await Deno.remove(shell);
  }
});

Deno.test("two demos run beside each other, and acts can be chosen", async () => {
  await using first = Program.start([
    "demo",
    "--acts",
    "2",
    "--act-duration",
    "1",
    "--aggregation-interval",
    "1",
  ]);
  await using second = Program.start(["demo", "--acts", "none"]);
  await until(() => first.stdout.includes("That was the story"), "a story", PATIENCE_MS, [first, second]);
  assert.deepEqual(first.stdout.match(/^Act \d/gm), ["Act 2"]);
  await until(() => second.stdout.includes("events/s"), "progress", PATIENCE_MS, [second]);
  assert.doesNotMatch(second.stdout, /^Act|proof so far/m);
  for (const demo of [first, second]) {
    assert.equal(await demo.stop(), 0, demo.tail());
    assert.match(demo.stdout, /^PROVEN: no event is lost/m);
  }
  const wrong = await runToEnd(["demo", "--acts", "1,5", "--act-duration", "0"]);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /--acts.*"5".*no act.*none/);
  assert.match(wrong.stderr, /--act-duration/);
});

function isThere(path: string): boolean {
  return Deno.statSync(path) !== undefined;
}

/** Whether no handler runs on a state; where there is no state, none has begun. */
async function isWithoutHandler(state: string): Promise<boolean> {
  const { code, stdout } = await runToEnd(["status", "--state-dir", state]);
  return code !== 0 || /not running/.test(stdout);
}

async function assertNoHandler(state: string): Promise<void> {
  assert.ok(await isWithoutHandler(state), `a handler runs on ${state}`);
}
