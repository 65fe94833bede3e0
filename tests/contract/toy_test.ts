/** A new connector works like an existing one, from one folder and one line in the registry. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { temporaryDirectory } from "../support/executable.ts";
import { Bus, handlerEnvironment, sqlitePath, sqliteSink } from "../e2e/plant.ts";

const MAIN = fileURLToPath(new URL("toy/main.ts", import.meta.url));
const SECRET = "open sesame";

async function run(args: readonly string[], env: Record<string, string>) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", MAIN, ...args],
    env,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  const output = { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  assert.doesNotMatch(output.stdout + output.stderr, new RegExp(SECRET), "its secret is shown");
  return output;
}

Deno.test("a toy: help, faults, hints, check, once, verify, redeliver; its secret is nowhere", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const environment = handlerEnvironment(bus.url, directory.path, {
    STORAGE_TYPE: "sqlite,toy,second:toy",
    TOY_PATH: `${directory.path}/toy.json`,
    TOY_TOKEN: SECRET,
    SECOND_TOY_PATH: `${directory.path}/second.json`,
    SECOND_TOY_TOKEN: SECRET,
    ROUTES: "both=toy,second;*=sqlite,second",
  });
  const done = async (...args: string[]) => {
    const output = await run(args, environment);
    assert.equal(output.code, 0, output.stderr + output.stdout);
    return output.stdout;
  };

  const help = await done("run", "--help");
  assert.match(help, /--toy-path <path> +file of the toy, such as \/srv\/toy\.json/);
  assert.match(help, /--toy-token <token> .*prefer TOY_TOKEN_FILE/s);
  assert.match(help, /--toy-colour <colour> .*\(default: red\)/);
  assert.match(await done("verify", "--help"), /--toy +read the whole toy as well/);

  const { TOY_PATH: _, ...without } = environment;
  const lacking = await run(["check"], { ...without, SECND_TOY_COLOUR: "x" });
  assert.equal(lacking.code, 2);
  assert.match(lacking.stderr, /TOY_PATH is missing, since STORAGE_TYPE has toy/);
  assert.match(lacking.stderr, /SECND_TOY_COLOUR .*did you mean SECOND_TOY_COLOUR\?/);
  const unknown = await run(["check"], { ...environment, STORAGE_TYPE: "toi" });
  assert.match(unknown.stderr, /Allowed: kafka, postgres, sqlite, stdout, toy/);

  const check = await done("check", "--second-toy-colour", "blue");
  assert.match(check, /^# Toy \(second\)$/m);
  assert.match(check, /^SECOND_TOY_TOKEN=\*\*\* +# environment$/m);
  assert.match(check, /^ok {6}sink toy: painted red$/m);
  assert.match(check, /^ok {6}sink second: painted blue$/m);

  const time = Math.floor(Date.now() / 60_000) * 60 - 600;
  await bus.publish(["both", "other"].map((name) => `{"name":"${name}","value":2,"timestamp":${time}}`));
  await done("once");
  const rowsIn = (file: string) =>
    (JSON.parse(Deno.readTextFileSync(`${directory.path}/${file}`)) as { name: string }[])
      .map(({ name }) => name).sort();
  assert.deepEqual([rowsIn("toy.json"), rowsIn("second.json")], [["both"], ["both", "other"]]);

  assert.match(await done("verify"), /^toy +not read: add --toy$/m);
  const verify = await done("verify", "--toy");
  assert.match(verify, /^toy +equal: 1 of 1 event/m);
  assert.match(verify, /^second +equal: 2 of 2 events/m);

  await Deno.remove(`${directory.path}/second.json`);
  assert.equal((await run(["verify", "--toy"], environment)).code, 1);
  assert.match(await done("redeliver", "--sink", "second", "--since", `${time}`), /2 rows .* to second/);
});

Deno.test("a toy bus beside a VaBus: its scheme selects it, and its password is nowhere", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const file = `${directory.path}/events.ndjson`;
  const url = `toy://me:swordfish@here${encodeURI(file)}`;
  const environment = handlerEnvironment(`${bus.url},${url}`, directory.path, { METRICS_INTERVAL: "60" });
  const line = (name: string) =>
    `{"name":"${name}","value":1,"timestamp":${Math.floor(Date.now() / 60_000) * 60 - 600}}`;
  await Deno.writeTextFile(file, ["a", "b", "c"].map((name) => `${line(name)}\n`).join(""));
  await bus.publish([line("of the bus")]);
  const done = async (args: readonly string[], more: Record<string, string> = {}) => {
    const output = await run(args, { ...environment, ...more });
    assert.doesNotMatch(output.stdout + output.stderr, /swordfish/);
    return output;
  };
  const check = await done(["check"]);
  assert.equal(check.code, 0, check.stdout + check.stderr);
  assert.match(
    check.stdout,
    new RegExp(`^VABUS_URL=${bus.url},toy://me:\\*\\*\\*@here${encodeURI(file)} +# environment$`, "m"),
  );
  assert.match(check.stdout, new RegExp(`^ok {6}bus toy://here${encodeURI(file)}: 3 lines$`, "m"));
  assert.match(check.stdout, new RegExp(`^ok {6}metrics to ${bus.url}: taken$`, "m"));
  for (let round = 0; round < 2; round++) {
    const once = await done(["once"], { LOG_LEVEL: "debug", TOY_PACE: "2" });
    assert.equal(once.code, 0, once.stderr);
  }
  const rows = await sqliteSink(sqlitePath(directory.path)).rows();
  assert.deepEqual(rows.map(({ name }) => name).sort(), ["a", "b", "c", "of the bus"]);
  const verify = await done(["verify"]);
  assert.equal(verify.code, 0, verify.stdout + verify.stderr);
  const refused = await done(["once"], { VABUS_URL: url.replace("swordfish", "catfish") });
  assert.notEqual(refused.code, 0);
  assert.match(refused.stderr, /the password is not right/);
  assert.doesNotMatch(refused.stderr + refused.stdout, /catfish/);
  const unknown = await done(["check"], { VABUS_URL: "toi://me:swordfish@x" });
  assert.match(
    unknown.stderr,
    /has a part that does not begin with http:\/\/, https:\/\/, file:\/\/, stdin:\/\/, .*, \w+:\/\/ or toy:\/\//,
  );
  assert.match(
    (await done(["run", "--help"])).stdout,
    /--toy-pace <count> +lines at once, such as 10 \(default: 1\)/,
  );
});
