/**
 * The commands of README.md, docs/operations.md and docs/api.md, as they stand there: each page in one shell,
 * from its beginning to its end. Those within the text of docs/runbook.md are run one after the other.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { MarkdownPage } from "../../scripts/markdown_page.ts";
import { PATIENCE_MS, temporaryDirectory } from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { Bus, handlerEnvironment } from "./plant.ts";
import { runShell } from "./shell.ts";

/**
 * What only root or a service manager can do, as functions of the same name that do it to the files of the
 * test.
 */
const STAND_INS = `
systemctl() {
  case "$1" in
    start)
      vabus-data-handler run --env-file "$ETC/env" 2>>"$ETC/log" &
      echo $! >"$ETC/pid"
      within curl --silent --fail "$ADMIN/healthz" >/dev/null
      # An operator types slower than a script: the handler has its events by the next command.
      within is_done ;;
    stop) kill "$(cat "$ETC/pid")"; wait "$(cat "$ETC/pid")" ;;
    restart) systemctl stop; systemctl start ;;
    reload)
      kill -HUP "$(cat "$ETC/pid")"
      within grep --quiet 'settings' "$ETC/log" ;;
  esac
}
# Waits as long as \`until\` in the tests: only a defect takes longer.
within() {
  for _ in $(seq 3000); do
    if "$@"; then return; fi
    kill -0 "$(cat "$ETC/pid")" || return
    sleep 0.1
  done
  echo "in vain: $*" >&2
  return 1
}
is_done() {
  vabus-data-handler status --env-file "$ETC/env" >"$ETC/status"
  for line in '^events  *2 received' '^windows  *0 open' '^outbox  *nothing waits'; do
    grep --quiet "$line" "$ETC/status" || return 1
  done
}
chown() { :; }
sh() { test "$*" = install.sh; }
make() { test "$*" = build; }
# Without a job kill fails, which would be how the shell ends.
trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT
set -eu
`;

Deno.test("the commands of README.md do what it says", async () => {
  await using directory = await temporaryDirectory();
  const address = `127.0.0.1:${freePort()}`;
  const commands = (await commandsOf("README.md"))
    .replaceAll("127.0.0.1:8000", address)
    .replace("vabus-data-handler bus", `vabus-data-handler bus --listen ${address}`)
    // The bus may take minutes to start on a busy machine.
    .replace("--retry 9 ", `--retry ${PATIENCE_MS / 1000} `)
    .replace("$PWD/dist", directory.path)
    .replace("/tmp/vabus-tour", `'${directory.path}/state'`);
  const { code, stdout, stderr } = await runShell(STAND_INS + commands, directory.path, {});
  assert.equal(code, 0, stderr + stdout);
  assert.match(stdout, /^\{"name":"oven\.temperature","agg_func":"avg","value":18[123]\.5,.*\}$/m);
  assert.match(stdout, /invalid: value is not a finite number .*oven\.door/);
  assert.match(stdout, /^PROVEN: no event is lost/m);
});

Deno.test("the commands of docs/operations.md work in its order, on one host", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const time = Math.floor(Date.now() / 60_000) * 60 - 600;
  await bus.publish(["a", "b"].map((name) => `{"name":"${name}","value":1,"timestamp":${time}}`));
  const [etc, admin] = [`${directory.path}/etc`, `127.0.0.1:${freePort()}`];
  await Deno.mkdir(etc);
  for (const name of ["backups", "mnt"]) await Deno.mkdir(`${directory.path}/${name}`);
  const settings = handlerEnvironment(bus.url, directory.path, {
    HTTP_LISTEN: admin,
    CHECKPOINT_INTERVAL: "0.1",
  });
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
  await Deno.writeTextFile(`${etc}/env`, lines.join(""));
  const commands = (await commandsOf("docs/operations.md"))
    .replaceAll("/etc/vabus-data-handler", `'${etc}'`)
    .replaceAll("/var/lib/vabus-data-handler", `'${settings.STATE_DIR}'`)
    .replaceAll("/var/backups", `'${directory.path}/backups'`)
    .replaceAll("/mnt/backup", `'${directory.path}/mnt'`)
    .replaceAll("--sink postgres", "--sink sqlite")
    .replaceAll("2026-01-31T06:00Z", `${time}`);
  const { code, stdout, stderr } = await runShell(
    `${STAND_INS}systemctl start\n${commands}`,
    directory.path,
    {
      ETC: etc,
      ADMIN: admin,
      STATE_DIR: settings.STATE_DIR!,
    },
  );
  assert.equal(code, 0, stderr + stdout);
  assert.match(stdout, /^vabus-data-handler \d/);
  assert.match(stdout, /^ok {6}sink sqlite/m);
  assert.match(stdout, /^PROVEN: no event is lost/m);
  assert.match(stdout, /2 rows .* to sqlite/);
});

Deno.test("the commands of docs/api.md are answered", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const time = Math.floor(Date.now() / 60_000) * 60 - 600;
  await bus.publish([
    `{"name":"oven.temperature","agg_func":"avg","value":181.5,"timestamp":${time},"labels":{"line":"4"}}`,
    `{"name":"oven.door","value":"open","timestamp":${time}}`,
  ]);
  const [etc, admin] = [`${directory.path}/etc`, `127.0.0.1:${freePort()}`];
  await Deno.mkdir(etc);
  const settings = handlerEnvironment(bus.url, directory.path, {
    HTTP_LISTEN: admin,
    AGGREGATION_INTERVAL: "60",
    CHECKPOINT_INTERVAL: "0.1",
  });
  await Deno.writeTextFile(
    `${etc}/env`,
    Object.entries(settings).map((entry) => `${entry.join("=")}\n`).join(""),
  );
  const commands = (await commandsOf("docs/api.md"))
    .replaceAll("127.0.0.1:8090", admin)
    .replaceAll("2026-01-31T06:00Z", `${time}`);
  const { code, stdout, stderr } = await runShell(
    `${STAND_INS}systemctl start\n${commands}`,
    directory.path,
    {
      ETC: etc,
      ADMIN: admin,
    },
  );
  assert.equal(code, 0, stderr + stdout);
  const paths = [...commands.matchAll(/^curl .*?(\/api\/[a-z-]+)/gm)].map(([, path]) => path!);
  const replies = stdout.trim().split("\n").map((line) => JSON.parse(line));
  assert.equal(replies.length, paths.length, stdout);
  const answers = (path: string) => replies.filter((_, i) => paths[i] === `/api/${path}`);
  const [status, pipeline, books, series, windows, history, deadLetters, alarms] = [
    "status",
    "pipeline",
    "books",
    "series",
    "windows",
    "history",
    "dead-letters",
    "alarms",
  ]
    .map((path) => answers(path)[0]);
  assert.equal(status.accounting.received, 2);
  assert.equal(pipeline.sources.length, 1);
  assert.deepEqual(books.state_faults, []);
  assert.deepEqual(series.series[0].labels, { line: "4" });
  assert.deepEqual(answers("aggregates").map(({ aggregates }) => aggregates[0].value), [181.5, 181.5]);
  assert.ok(Array.isArray(windows.tiers) && Array.isArray(history.times) && Array.isArray(alarms.watched));
  assert.match(deadLetters.groups[0].example.raw, /oven\.door/);
});

Deno.test("the commands of docs/runbook.md are there, with their flags", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const time = Math.floor(Date.now() / 60_000) * 60 - 600;
  await bus.publish([
    `{"name":"oven.temperature","value":181.5,"timestamp":${time}}`,
    `{"name":"oven.door","value":"open","timestamp":${time}}`,
  ]);
  const settings = handlerEnvironment(bus.url, directory.path, { AGGREGATION_INTERVAL: "60" });
  const page = new MarkdownPage(await Deno.readTextFile(pathOf("docs/runbook.md")));
  const named = page.codes.map(({ target }) => target)
    .filter((code) => code.startsWith("vabus-data-handler "))
    .map((code) => code.replace("--sink NAME", "--sink sqlite").replace("2026-01-31T06:00Z", `${time}`));
  const commands = [...new Set(named)];
  assert.ok(commands.length >= 6, commands.join("\n"));
  // All of them are run, whatever comes of one. Where no dead letter has the reason, nothing is to be done.
  const script = [
    // Nothing runs on behind these commands.
    "trap - EXIT",
    "vabus-data-handler once --flush",
    ...commands.map((command) => `${command} || echo "${command}: $?"`),
  ].join("\n");
  const { code, stdout, stderr } = await runShell(
    STAND_INS + script,
    directory.path,
    settings as Record<string, string>,
  );
  assert.equal(code, 0, stderr + stdout);
  assert.doesNotMatch(stdout, /^vabus-data-handler .*: \d+$/m, stderr);
  assert.match(stdout, /oven\.door/);
  assert.match(stdout, /^PROVEN: no event is lost/m);
});

/** All commands of a page that its marks do not exclude, in its order. */
async function commandsOf(path: string): Promise<string> {
  const page = new MarkdownPage(await Deno.readTextFile(pathOf(path)));
  const fences = page.fences.filter(({ language, mark }) => language === "sh" && mark === "");
  assert.ok(fences.length > 1, `${path} has commands`);
  return fences.map(({ text }) => text).join("\n");
}

/** @param path From the root of the repository. */
function pathOf(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url));
}
