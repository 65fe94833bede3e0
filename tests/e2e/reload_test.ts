/** SIGHUP: the settings are read again from their files. And signals that must change nothing. */
import assert from "node:assert/strict";
import { join } from "node:path";
import {
  assertNoStackTrace,
  PATIENCE_MS,
  Program,
  temporaryDirectory,
  until,
} from "../support/executable.ts";
import { NotifyListener } from "../support/notify_listener.ts";
import { Bus, handlerEnvironment, sqlitePath, sqliteSink } from "./plant.ts";

/** A handler on a file of settings, and what it logs. */
class Reloaded implements AsyncDisposable {
  private constructor(readonly program: Program, readonly file: string) {}

  static async start(environment: Record<string, string>, directory: string): Promise<Reloaded> {
    const file = join(directory, "env");
    const handler = new Reloaded(Program.start(["run", "--env-file", file], environment), file);
    await handler.says('"started"');
    return handler;
  }

  /** Waits until the log has a text, and answers that line. */
  says(text: string): Promise<string> {
    const find = () => this.program.stderr.split("\n").find((line) => line.includes(text));
    return until(find, `the log to say ${text}`, PATIENCE_MS, [this.program]);
  }

  async reload(settings: Record<string, string>): Promise<void> {
    await writeSettings(this.file, settings);
    this.program.signal("SIGHUP");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]();
  }
}

function writeSettings(file: string, settings: Record<string, string>): Promise<void> {
  return Deno.writeTextFile(
    file,
    Object.entries(settings).map(([name, value]) => `${name}=${value}\n`).join(""),
  );
}

function event(name: string, timestamp: number): string {
  return JSON.stringify({ name, value: 1, timestamp });
}

Deno.test("SIGHUP applies what may change, names what needs a restart, and keeps all where something is wrong", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  await using manager = NotifyListener.listen(`${directory.path}/notify`);
  const { VABUS_URL, ...environment } = handlerEnvironment(bus.url, directory.path, {
    NOTIFY_SOCKET: manager.name,
    MAX_SERIES: "5000",
  });
  const settings = { VABUS_URL: VABUS_URL!, AGGREGATION_INTERVAL: "60", ROUTES: "*=sqlite" };
  await writeSettings(join(directory.path, "env"), settings);
  await using handler = await Reloaded.start(environment, directory.path);
  const sink = sqliteSink(sqlitePath(directory.path));
  const base = Math.floor(Date.now() / 60_000) * 60 - 7200;

  await handler.reload({
    ...settings,
    AGGREGATION_INTERVAL: "a minute",
    ROUTES: "*=kafka",
    LOG_LEVEL: "loud",
  });
  const refused = JSON.parse(await handler.says("the settings stay as they were"));
  for (const fault of ["AGGREGATION_INTERVAL", "LOG_LEVEL", "ROUTES"]) {
    assert.match(refused.message, new RegExp(fault));
  }
  assert.equal(refused.level, "error");
  await until(() => manager.count("READY") === 2, "the end of the first reload");

  await handler.reload({
    ...settings,
    AGGREGATION_INTERVAL: "10",
    ROUTES: "dropped=none;*=sqlite",
    LOG_LEVEL: "debug",
    INSTANCE_ID: "other",
    MAX_SERIES: "7",
    METRICS_INTERVAL: "0",
    DEDUP_MAX_IDS: "5",
  });
  const told = JSON.parse(await handler.says("the settings were read again"));
  assert.deepEqual(told.changed.split(",").sort(), ["AGGREGATION_INTERVAL", "LOG_LEVEL", "ROUTES"]);
  assert.equal(told.changed_at_next_start, "DEDUP_MAX_IDS");
  const shadowed = await handler.says("has no effect");
  assert.match(shadowed, /INSTANCE_ID/);
  assert.match(shadowed, /MAX_SERIES/);
  await until(() => manager.count("READY") === 3, "the end of the second reload");
  assert.deepEqual(
    manager.heard.filter((message) => "RELOADING" in message || "READY" in message).map((message) =>
      Object.keys(message)[0]
    ).slice(1),
    ["RELOADING", "READY", "RELOADING", "READY"],
  );

  await bus.publish([
    event("kept", base),
    event("kept", base + 15),
    event("dropped", base + 15),
    event("kept", base + 3600),
  ]);
  await until(async () => await sink.sumOfCounts() >= 2, "windows of ten seconds", PATIENCE_MS, [
    handler.program,
  ]);
  const rows = (await sink.rows()).filter(({ windowStartMs }) => windowStartMs < (base + 3600) * 1000);
  assert.deepEqual(
    rows.map((
      { name, windowStartMs, windowEndMs },
    ) => [name, windowStartMs / 1000 - base, windowEndMs / 1000 - base]).sort(),
    [["kept", 0, 10], ["kept", 10, 20]],
  );
  assert.equal(await handler.program.stop(), 0, handler.program.tail());
  assertNoStackTrace(handler.program);
});

Deno.test("SIGHUP reads files of secrets again, and opens sinks anew whose settings have changed", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const elsewhere = join(directory.path, "elsewhere.sqlite");
  const { SQLITE_PATH: _, ...environment } = handlerEnvironment(bus.url, directory.path);
  await Deno.writeTextFile(join(directory.path, "token"), "first-token\n");
  const settings = {
    VABUS_TOKEN_FILE: join(directory.path, "token"),
    SQLITE_PATH: sqlitePath(directory.path),
  };
  await writeSettings(join(directory.path, "env"), settings);
  await using handler = await Reloaded.start(environment, directory.path);
  await Deno.writeTextFile(join(directory.path, "token"), "second-token\n");
  await handler.reload({ ...settings, SQLITE_PATH: elsewhere });
  const told = JSON.parse(await handler.says("the settings were read again"));
  assert.equal(told.changed, "SQLITE_PATH,VABUS_TOKEN");
  const base = Math.floor(Date.now() / 60_000) * 60 - 7200;
  await bus.publish([event("n", base), event("n", base + 3600)]);
  await until(async () => await sqliteSink(elsewhere).sumOfCounts() >= 1, "a row elsewhere", PATIENCE_MS, [
    handler.program,
  ]);
  assert.equal(await handler.program.stop(), 0, handler.program.tail());
  assert.doesNotMatch(handler.program.stderr, /(first|second)-token/);
});

Deno.test("SIGUSR1 and SIGUSR2 change nothing and open nothing", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  await using manager = NotifyListener.listen(`${directory.path}/notify`);
  await using handler = Program.start(
    ["run"],
    // Fed every 0.2 s.
    handlerEnvironment(bus.url, directory.path, { NOTIFY_SOCKET: manager.name, WATCHDOG_USEC: "400000" }),
  );
  await until(() => handler.stderr.includes('"started"'), "the start", PATIENCE_MS, [handler]);
  const before = await listeners(handler.pid);
  // Deno begins to listen for SIGUSR1 half a second after its start: by its own timers, so the handler's tell
  // when that is over.
  for (let i = 0; i < 10; i++) {
    await manager.more("WATCHDOG", 1);
    handler.signal("SIGUSR1");
    handler.signal("SIGUSR2");
  }
  await bus.publish([event("n", 1000), event("n", 5000)]);
  await until(
    async () => await sqliteSink(sqlitePath(directory.path)).sumOfCounts() >= 1,
    "a row",
    PATIENCE_MS,
    [handler],
  );
  assert.deepEqual(await listeners(handler.pid), before);
  assert.equal(await handler.stop(), 0, handler.tail());
  assert.doesNotMatch(handler.stderr, /[Dd]ebugger/);
});

/** The TCP ports that a process listens on, by its sockets. */
async function listeners(pid: number): Promise<string[]> {
  const sockets = new Set<string>();
  for await (const { name } of Deno.readDir(`/proc/${pid}/fd`)) {
    const target = await Deno.readLink(`/proc/${pid}/fd/${name}`).catch(() => "");
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
    if (inode) sockets.add(inode);
  }
  const LISTENING = "0A";
  const tables = await Promise.all(["tcp", "tcp6"].map((table) => Deno.readTextFile(`/proc/net/${table}`)));
  return tables.flatMap((table) => table.trim().split("\n").slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === LISTENING && sockets.has(fields[9]!))
    .map((fields) => fields[1]!);
}
