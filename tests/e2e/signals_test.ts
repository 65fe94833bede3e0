/**
 * SIGTERM and SIGINT at any moment, from the first on: an end in good order as soon as anybody can know of
 * the program.
 */
import assert from "node:assert/strict";
import {
  assertNoStackTrace,
  type Environment,
  PATIENCE_MS,
  pause,
  Program,
  runToEnd,
  temporaryDirectory,
  until,
} from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { Bus, handlerEnvironment, sqlitePath, sqliteSink } from "./plant.ts";

const EVENTS = 500;
const MOMENTS = 20;
/** What the shell and Deno make of a signal that comes before the program listens: nothing has begun. */
const BEFORE_BEGINNING = new Set([0, 130, 143]);

function publish(bus: Bus): Promise<unknown> {
  const now = Date.now() / 1000 - 1000;
  return bus.publish(
    Array.from(
      { length: EVENTS },
      (_, i) => JSON.stringify({ id: `${i}`, name: `n${i % 7}`, value: i, timestamp: now + i }),
    ),
  );
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Whether others can know of the handler: by its log, or by what it has written into its directory. */
function isKnown(handler: Program, directory: string): boolean {
  return handler.stderr !== "" || isThere(`${directory}/state/lock`);
}

/** Unpacks the program, if that was not done: the first start takes many times as long as those after it. */
async function unpack(): Promise<void> {
  assert.equal((await runToEnd(["--version"])).code, 0);
}

/** How long it takes until a handler has started, here and now. */
async function startMs(environment: Environment): Promise<number> {
  await unpack();
  const begin = performance.now();
  await using handler = Program.start(["run"], environment);
  await until(() => handler.stderr.includes('"started"'), "the start", PATIENCE_MS, [handler]);
  const taken = performance.now() - begin;
  assert.equal(await handler.stop(), 0, handler.tail());
  return taken;
}

Deno.test("a signal at any moment of a handler's start: exit 0 as soon as it is known, and nothing is lost", async () => {
  await using bus = await Bus.start();
  await publish(bus);
  await using measured = await temporaryDirectory();
  const start = await startMs(handlerEnvironment(bus.url, measured.path));
  await using directory = await temporaryDirectory();
  const environment = handlerEnvironment(bus.url, directory.path);
  for (let moment = 0; moment < MOMENTS; moment++) {
    // Each life begins as the first does: nothing of it can be known by what an earlier one has left.
    if (isThere(`${directory.path}/state/lock`)) await Deno.remove(`${directory.path}/state/lock`);
    await using handler = Program.start(["run"], environment);
    await pause(start * 1.2 * moment / MOMENTS);
    const wasKnown = isKnown(handler, directory.path);
    handler.signal(moment % 2 === 0 ? "SIGTERM" : "SIGINT");
    const code = await handler.ended();
    assertNoStackTrace(handler);
    if (wasKnown || isKnown(handler, directory.path)) {
      assert.equal(code, 0, `moment ${moment}: ${handler.tail()}`);
      assert.match(handler.stderr, /"stopped"/);
    } else assert.ok(BEFORE_BEGINNING.has(code), `moment ${moment}: ${handler.tail()}`);
  }
  assert.equal((await runToEnd(["once", "--flush"], environment)).code, 0);
  assert.equal(await sqliteSink(sqlitePath(directory.path)).sumOfCounts(), EVENTS);
  const proof = await runToEnd(["verify"], environment);
  assert.equal(proof.code, 0, proof.stdout + proof.stderr);
});

Deno.test("a handler that is told to stop by the first who sees its lock, its listener or its log, ends in order", async () => {
  await using bus = await Bus.start();
  const port = freePort();
  const signs: [string, (handler: Program, directory: string) => boolean | Promise<boolean>][] = [
    ["lock", (_, directory) => isThere(`${directory}/state/lock`)],
    ["state", (_, directory) => isThere(`${directory}/state/state.sqlite`)],
    ["log", ({ stderr }) => stderr !== ""],
    [
      "listener",
      () => Deno.connect({ hostname: "127.0.0.1", port }).then((to) => (to.close(), true), () => false),
    ],
  ];
  for (const [sign, isGiven] of signs) {
    await using directory = await temporaryDirectory();
    await using handler = Program.start(
      ["run"],
      handlerEnvironment(bus.url, directory.path, { HTTP_LISTEN: `127.0.0.1:${port}` }),
    );
    const deadline = performance.now() + PATIENCE_MS;
    while (!await isGiven(handler, directory.path)) {
      assert.ok(performance.now() < deadline, `no ${sign}: ${handler.tail()}`);
      await pause(1);
    }
    handler.signal("SIGTERM");
    assert.equal(await handler.ended(), 0, `${sign}: ${handler.tail()}`);
    assert.match(handler.stderr, /"stopped"/, sign);
  }
});

Deno.test("bus and demo end in order, told to by the first who sees a word of theirs", async () => {
  for (const args of [["bus", "--listen", "127.0.0.1:0"], ["demo"]]) {
    await using program = Program.start(args);
    assert.equal(await program.stop(), 0, program.tail());
    assertNoStackTrace(program);
  }
});

Deno.test("once, told to stop at any moment, is done or says that it is not; what it has not done is done by the next", async () => {
  await using bus = await Bus.start();
  await publish(bus);
  await using measured = await temporaryDirectory();
  await unpack();
  const begin = performance.now();
  assert.equal((await runToEnd(["once", "--flush"], handlerEnvironment(bus.url, measured.path))).code, 0);
  const whole = performance.now() - begin;
  await using directory = await temporaryDirectory();
  const environment = handlerEnvironment(bus.url, directory.path);
  for (let moment = 0; moment < MOMENTS; moment++) {
    await using once = Program.start(["once"], environment);
    await pause(whole * 1.2 * moment / MOMENTS);
    once.signal("SIGTERM");
    const code = await once.ended();
    assertNoStackTrace(once);
    assert.ok([0, 75, 143].includes(code), once.tail());
    if (code === 75) assert.match(once.stderr, /the state is safe, and the next call goes on/);
  }
  assert.equal((await runToEnd(["once", "--flush"], environment)).code, 0);
  assert.equal(await sqliteSink(sqlitePath(directory.path)).sumOfCounts(), EVENTS);
  const proof = await runToEnd(["verify"], environment);
  assert.equal(proof.code, 0, proof.stdout + proof.stderr);
});

Deno.test("a file that would grow beyond ulimit -f is as a full disk: nothing ends, nothing is lost", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  await using handler = Program.start(["run"], handlerEnvironment(bus.url, directory.path));
  await until(() => handler.stderr.includes('"started"'), "the start", PATIENCE_MS, [handler]);
  const limit = async (size: string) => {
    const args = ["--pid", `${handler.pid}`, `--fsize=${size}:`];
    assert.ok((await new Deno.Command("prlimit", { args }).output()).success);
  };
  await limit("1");
  await publish(bus);
  await until(() => handler.stderr.includes("cannot be written"), "what is wrong", PATIENCE_MS, [handler]);
  await limit("unlimited");
  await until(() => handler.stderr.includes("can be written again"), "its end", PATIENCE_MS, [handler]);
  assert.equal(await handler.stop(), 0, handler.tail());
  const flushed = await runToEnd(["once", "--flush"], handlerEnvironment(bus.url, directory.path));
  assert.equal(flushed.code, 0, flushed.stderr);
  assert.equal(await sqliteSink(sqlitePath(directory.path)).sumOfCounts(), EVENTS);
});
