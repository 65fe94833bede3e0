import assert from "node:assert/strict";
import { ConfigError } from "../../src/settings/fault.ts";
import { type Pinned, rereadConfig } from "../../src/settings/reread.ts";
import { compileRoutes } from "../../src/delivery/routes.ts";
import { busesOf, busUrlsOf, CATALOGUE, loadConfig, sourcesOf, VARIABLE_NAMES } from "./sources.ts";

type Machine = NonNullable<Parameters<typeof sourcesOf>[0]>;

const FILE = "/etc/vabus.env";

function load(text: string, pinned: Pinned = new Map(), machine: Machine = {}) {
  const sources = sourcesOf({ ...machine, envFile: FILE, files: { ...machine.files, [FILE]: text } });
  return loadConfig({ ...sources, pinned }, (routes, sinks) => {
    const compiled = compileRoutes(routes, sinks, undefined);
    return "faults" in compiled ? compiled.faults : [];
  });
}

const reread = (before: string, after: string, machine?: Machine) =>
  rereadConfig(load(before, undefined, machine), (pinned) => load(after, pinned, machine));

Deno.test("what is the same changes nothing", () => {
  const { changed, atStart } = reread("LOG_LEVEL=warn\n", "LOG_LEVEL=warn\n");
  assert.deepEqual([changed, atStart], [[], []]);
});

Deno.test("each variable either changes at once or keeps its value until the next start", () => {
  const others: Partial<Record<string, string>> = {
    VABUS_URL: "http://elsewhere:1",
    DEFAULT_VABUS_URL: "http://elsewhere:1",
  };
  // Those that stand alone: the others are missing without what belongs to them.
  const needed = {
    STORAGE_TYPE: "sqlite,kafka,postgres",
    KAFKA_BOOTSTRAP_SERVERS: "k:1",
    POSTGRES_CONNECTION_STRING: "postgres://h/d",
  };
  const text = (settings: Record<string, string>) =>
    Object.entries(settings).map(([name, value]) => `${name}=${value}\n`).join("");
  for (const name of VARIABLE_NAMES) {
    if (
      /FILE$|SASL|POSTGRES_CONN|VABUS_TOKEN|ROUTES|KAFKA_SSL|OTLP_CERTIFICATE|INSTANCE_[CG]|INDEX/
        .test(name)
    ) {
      continue;
    }
    const value = others[name] ?? CATALOGUE.variable(name).example;
    const { config, changed, atStart } = reread(text(needed), text({ ...needed, [name]: value }));
    const isAtStart = CATALOGUE.variable(name).atStart === true;
    assert.deepEqual([...changed, ...atStart], [name]);
    assert.deepEqual(atStart, isAtStart ? [name] : []);
    const before = load(text(needed));
    assert.equal(config.texts.get(name), isAtStart ? before.texts.get(name) : value);
    if (isAtStart) {
      assert.deepEqual({ ...config, settings: 0, texts: 0, shadowed: 0, warnings: 0 }, {
        ...before,
        settings: 0,
        texts: 0,
        shadowed: 0,
        warnings: 0,
      });
    }
  }
});

Deno.test("a path that follows from a setting that stays, stays too", () => {
  const { config, atStart } = reread("STATE_DIR=/srv/a\n", "STATE_DIR=/srv/b\nLOG_LEVEL=error\n");
  assert.deepEqual(atStart, ["STATE_DIR"]);
  assert.deepEqual(config.sinks, [
    { id: "sqlite", kind: "sqlite", options: { path: "/srv/a/aggregates.sqlite" } },
  ]);
  assert.equal(config.log.level, "error");
});

Deno.test("credentials of a bus change at once, its address does not", () => {
  const moved = reread("VABUS_URL=http://u:one@bus:1\n", "VABUS_URL=http://u:two@bus:1\n");
  assert.deepEqual([moved.changed, busUrlsOf(moved.config)], [["VABUS_URL"], ["http://u:two@bus:1"]]);
  assert.deepEqual(reread("VABUS_URL=http://u:one@bus:1\n", "VABUS_URL=http://bus:2\n").atStart, [
    "VABUS_URL",
  ]);
});

Deno.test("the content of a file that a setting names is a change", () => {
  const pem = (content: string) => `-----BEGIN CERTIFICATE-----\n${content}\n-----END CERTIFICATE-----\n`;
  const text = "VABUS_CA_FILE=/ca.pem\n";
  const before = load(text, undefined, { files: { "/ca.pem": pem("one") } });
  const { changed, config } = rereadConfig(
    before,
    (pinned) => load(text, pinned, { files: { "/ca.pem": pem("two") } }),
  );
  assert.deepEqual([changed, busesOf(config)[0]!.address.tls?.ca], [["VABUS_CA_FILE"], pem("two")]);
});

Deno.test("the content of a file that the connection string names is a change, too", () => {
  const text =
    "STORAGE_TYPE=postgres\nPOSTGRES_CONNECTION_STRING=postgres://h/d?sslmode=verify-full&sslrootcert=/ca.pem\n";
  const withCa = (pinned: Pinned, content: string) => {
    const pem = `-----BEGIN CERTIFICATE-----\n${content}\n-----END CERTIFICATE-----\n`;
    return load(text, pinned, { files: { "/ca.pem": pem } });
  };
  const { changed, atStart } = rereadConfig(withCa(new Map(), "MIIa"), (pinned) => withCa(pinned, "MIIb"));
  assert.deepEqual([changed, atStart], [["POSTGRES_CONNECTION_STRING"], []]);
});

Deno.test("what does not fit a setting that stays is refused, and says why", () => {
  assert.throws(
    () => reread("STORAGE_TYPE=sqlite\n", "STORAGE_TYPE=sqlite,stdout\nROUTES=*=stdout\n"),
    (error) =>
      error instanceof ConfigError &&
      error.faults.map(({ subject }) => subject).join() === "STORAGE_TYPE,ROUTES",
  );
});

Deno.test("what the environment beats is named", () => {
  const machine = { environment: { LOG_LEVEL: "warn" } };
  const { config, changed } = reread("", "LOG_LEVEL=debug\nMAX_SERIES=5\n", machine);
  assert.deepEqual([config.shadowed, changed, config.log.level], [["LOG_LEVEL"], ["MAX_SERIES"], "warn"]);
});
