/** `status --watch` and `tap`: in a pseudo-terminal as an operator sees them, and piped as a program does. */
import assert from "node:assert/strict";
import { executablePath, Program, runToEnd, temporaryDirectory, until } from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { Bus, handlerEnvironment } from "./plant.ts";
import { hasTerminals, Terminal } from "./terminal.ts";

/** A name that would clear the screen and write backwards. */
const HOSTILE = "evil\u001b[2J\u202e";
const TOKEN = "viewer-of-the-tests";

/** A handler whose windows of a second close soon, on a bus of the test. */
class Site implements AsyncDisposable {
  private sent = 0;

  private constructor(
    readonly bus: Bus,
    readonly environment: Record<string, string>,
    readonly handler: Program,
    private readonly directory: AsyncDisposable,
  ) {}

  static async start(settings: Record<string, string> = {}): Promise<Site> {
    const directory = await temporaryDirectory();
    const bus = await Bus.start();
    const environment = handlerEnvironment(bus.url, directory.path, {
      STORAGE_TYPE: "sqlite",
      HTTP_LISTEN: `127.0.0.1:${freePort()}`,
      AGGREGATION_INTERVAL: "1",
      ALLOWED_LATENESS: "0",
      CHECKPOINT_INTERVAL: "0.1",
      ...settings,
    });
    const handler = Program.start(["run"], environment);
    await handler.says(/"started"/);
    return new Site(bus, environment, handler, directory);
  }

  /** Publishes one event of each name, ten minutes old. */
  async publish(...names: string[]): Promise<void> {
    const timestamp = Math.floor(Date.now() / 1000) - 600;
    await this.bus.publish(
      names.map((name) => JSON.stringify({ name, value: ++this.sent, timestamp, labels: { line: "4" } })),
    );
  }

  /** Runs a tap to its end, and publishes until it has what it waits for. */
  async tapped(args: readonly string[], ...names: string[]) {
    await using tap = Program.start(["tap", ...args], this.environment);
    await until(
      async () => {
        if (tap.exitCode === undefined) await this.publish(...names);
        return tap.exitCode !== undefined;
      },
      `the end of tap ${args.join(" ")}`,
      undefined,
      [tap],
    );
    const lines = tap.stdout.split("\n").filter(Boolean).map((line) => JSON.parse(line));
    return { code: tap.exitCode, lines, stdout: tap.stdout, stderr: tap.stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.handler[Symbol.asyncDispose]();
    await this.bus[Symbol.asyncDispose]();
    await this.directory[Symbol.asyncDispose]();
  }
}

/** What an operator would type in a shell of `environment`. */
const command = (args: string) => `'${executablePath()}' ${args}`;

Deno.test("tap prints JSON lines, from the listener, and aggregates from the state where there is none", async (t) => {
  await using site = await Site.start({ VIEWER_TOKEN: TOKEN });

  await t.step("events that match, refused ones too, and how many have passed", async () => {
    const { code, lines, stderr } = await site.tapped(
      ["--name", "oven.*", "--limit", "2"],
      "oven.a",
      "press",
    );
    assert.equal(code, 0);
    assert.deepEqual(lines.map(({ name, labels, source }) => [name, labels, source]), [
      ["oven.a", { line: "4" }, site.bus.url],
      ["oven.a", { line: "4" }, site.bus.url],
    ]);
    assert.match(stderr, /^2 events shown of \d+ that have passed; /m);
    assert.ok(!stderr.includes(TOKEN));
  });

  await t.step("control characters of a name stay in their escapes", async () => {
    const { lines, stdout } = await site.tapped(["--name", "evil*", "--limit", "1"], HOSTILE);
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(stdout, /[\x00-\x09\x0b-\x1f\u202e]/);
    assert.equal(lines[0].name, HOSTILE);
  });

  await t.step("aggregates, with the sinks that they go to", async () => {
    const args = ["--aggregates", "--labels", "line:4", "--name", "kiln.*", "--limit", "1"];
    const { lines: [aggregate] } = await site.tapped(args, "kiln.b");
    assert.deepEqual([aggregate.name, aggregate.sinks], ["kiln.b", ["sqlite"]]);
    const elsewhere = { ...site.environment, HTTP_LISTEN: "off", VIEWER_TOKEN: "" };
    await using tap = Program.start(["tap", "--aggregates", "--limit", "1"], elsewhere);
    await until(
      async () => {
        await site.publish("oven.c");
        return tap.exitCode !== undefined;
      },
      "an aggregate from the state",
      undefined,
      [tap],
    );
    assert.equal(JSON.parse(tap.stdout.split("\n")[0]!).labels.line, "4");
  });

  await t.step("what is wrong is said with the way out", async () => {
    const refused = async (args: string[], settings: Record<string, string>) => {
      const { code, stderr } = await runToEnd(["tap", ...args], { ...site.environment, ...settings });
      return `${code}: ${stderr}`;
    };
    assert.match(await refused([], { HTTP_LISTEN: "off", VIEWER_TOKEN: "" }), /^2: .*set HTTP_LISTEN=/s);
    assert.match(await refused([], { VIEWER_TOKEN: "" }), /^1: .* refuses: .*VIEWER_TOKEN_FILE/s);
    const nobody = `http://127.0.0.1:${freePort()}`;
    assert.match(await refused(["--url", nobody], {}), /^75: .* does not answer .*--url says where/s);
    assert.match(await refused(["--labels", "line"], {}), /^2: .*--labels/s);
    assert.match(await refused(["--url", "http://u:secret-of-tests@x:1"], {}), /^2: (?!.*secret-of-tests)/s);
  });
});

Deno.test("status --watch, piped: a line at once, from the listener or the state, until a signal", async () => {
  await using site = await Site.start();
  const first = async (args: readonly string[], settings: Record<string, string> = {}) => {
    await using watch = Program.start(["status", "--watch", ...args], { ...site.environment, ...settings });
    await until(() => watch.stdout.includes("\n"), "the first line", undefined, [watch]);
    watch.signal("SIGTERM");
    assert.equal(await watch.ended(), 0);
    return watch.stdout.split("\n")[0]!;
  };
  assert.match(
    await first([]),
    /^\S+Z e2e: .* events\/s; .*source http.* sink sqlite .*from http:\/\/127\.0\.0\.1/,
  );
  assert.match(await first([], { HTTP_LISTEN: "off" }), /HTTP_LISTEN is off.*from the state/);
  await site.handler.kill9();
  assert.match(await first([]), /NOT READY.*not_running: .*does not answer/);
  const wrong = async (...args: string[]) => (await runToEnd(["status", ...args], site.environment)).code;
  assert.deepEqual([await wrong("--watch", "--json"), await wrong("--url", site.bus.url)], [2, 2]);
});

Deno.test("on a terminal: another screen, names that cannot move the cursor, and the terminal as it was", async (t) => {
  if (!await hasTerminals()) return console.log("left out: there is no `script` of util-linux");
  await using site = await Site.start();
  await using terminal = await Terminal.open(Deno.cwd(), site.environment, { asSeen: true });

  await t.step("status --watch draws on another screen, which q ends", async () => {
    const from = terminal.screen.length;
    const drawn = () => terminal.screen.slice(from);
    await terminal.start(command("status --watch"), /q ends/);
    assert.ok(drawn().includes("\x1b[?1049h\x1b[?25l\x1b[?7l"));
    assert.ok(drawn().includes("\x1b[1mSOURCE"), drawn());
    await terminal.type("q");
    await until(() => drawn().includes("\x1b[?7h\x1b[?25h\x1b[?1049l"), () => `the usual screen\n${drawn()}`);
  });

  await t.step("tap prints lines for people", async () => {
    const from = terminal.screen.length;
    await terminal.type(command("tap --name 'evil*' --limit 1"));
    const shown = () => terminal.screen.slice(from);
    await until(async () => {
      await site.publish(HOSTILE);
      return shown().includes("1 event shown");
    }, () => `a tapped event in\n${shown()}`);
    assert.ok(shown().includes("evil\\u001b[2J\\u202e{line=4}"), shown());
    assert.ok(!shown().includes("\x1b[2J"));
  });
});
