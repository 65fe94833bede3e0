import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import type { Config } from "../../src/settings/config.ts";
import { maskedConfig } from "../../src/settings/effective.ts";
import { ConfigError, type Fault } from "../../src/settings/fault.ts";
import { redact } from "../../src/settings/redaction.ts";
import type { Sources } from "../../src/settings/settings.ts";
import {
  busesOf,
  busUrlsOf,
  CATALOGUE,
  GIVEN_NAMES,
  loadBusConfig,
  loadConfig,
  sourcesOf,
  VARIABLE_NAMES,
} from "./sources.ts";

const load = (sources: Sources): Config => loadConfig(sources, () => []);
const environment = (values: Record<string, string>) => load(sourcesOf({ environment: values }));

function faultsOf(sources: Sources, routes: (text: string) => string[] = () => []): readonly Fault[] {
  try {
    loadConfig(sources, routes);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    for (const { subject } of error.faults) {
      assert.ok(error.message.includes(subject), "the message names each");
    }
    return error.faults;
  }
  return [];
}

const subjects = (sources: Sources) => faultsOf(sources).map(({ subject }) => subject).toSorted();

const PEM = {
  "/tls/ca.pem": "-----BEGIN CERTIFICATE-----\nMIIca\n-----END CERTIFICATE-----\n",
  "/tls/cert.pem": "-----BEGIN CERTIFICATE-----\nMIIcert\n-----END CERTIFICATE-----\n",
  "/tls/key.pem": "-----BEGIN EC PRIVATE KEY-----\nMIIkeykeykey\n-----END EC PRIVATE KEY-----\n",
};

Deno.test("with nothing set everything has the default that the contract names", () => {
  const config = load(sourcesOf());
  assert.deepEqual(config.sinks, [{
    id: "sqlite",
    kind: "sqlite",
    options: { path: "/home/vabus/.local/state/vabus-data-handler/aggregates.sqlite" },
  }]);
  const { intervals, allowedLatenessMs, correctionHorizonMs, idleTimeoutMs, maxWaitMs } = config;
  assert.deepEqual(
    [intervals, allowedLatenessMs, correctionHorizonMs, idleTimeoutMs, maxWaitMs],
    [[{ lengthMs: 60_000, hopMs: 60_000 }], 5000, 86_400_000, 10_000, 300_000],
  );
  assert.deepEqual([config.dedupMaxIds, config.maxSeries, config.maxFutureSkewMs], [
    100_000,
    1_000_000,
    300_000,
  ]);
  assert.deepEqual([config.checkpointIntervalMs, config.metricsIntervalMs], [1000, 15_000]);
  assert.deepEqual([config.outboxMaxRows, config.batchSize], [1_000_000, 10_000]);
  assert.deepEqual([busUrlsOf(config), busesOf(config)[0]!.mode], [["http://localhost:8000"], "log"]);
  assert.deepEqual(config.httpListen, { hostname: "127.0.0.1", port: 8090 });
  assert.deepEqual([config.log, config.instanceId], [{ level: "info", format: "json" }, "edge7"]);
  assert.deepEqual([config.warnings, config.secrets, config.routes], [[], [], undefined]);
  assert.equal(load(sourcesOf({ isTerminal: true })).log.format, "text");
});

Deno.test("a configuration cannot be changed, all the way down", () => {
  const config = environment({ STORAGE_TYPE: "kafka", KAFKA_BOOTSTRAP_SERVERS: "b:1" });
  assert.throws(() => Object.assign(busesOf(config)[0]!.address, { token: "x" }), TypeError);
  assert.throws(() => (config.sinks as unknown[]).pop(), TypeError);
});

Deno.test("property: a flag beats the environment, which beats .env, which beats the default", () => {
  const given = fc.option(fc.integer({ min: 1, max: 999 }).map(String), { nil: undefined });
  fc.assert(fc.property(given, given, given, fc.boolean(), (flag, ofEnvironment, ofFile, isNamed) => {
    const path = isNamed ? "/etc/vabus.env" : "/srv/.env";
    const config = load(sourcesOf({
      flags: flag === undefined ? {} : { MAX_SERIES: flag },
      environment: { MAX_SERIES: ofEnvironment },
      files: { [path]: ofFile === undefined ? "# nothing\n" : `export MAX_SERIES="${ofFile}"\n` },
      ...(isNamed && { envFile: path }),
    }));
    const value = flag ?? ofEnvironment ?? ofFile;
    assert.equal(config.maxSeries, Number(value ?? 1_000_000));
    const shown = config.settings.find((setting) => setting.variable === "MAX_SERIES")!;
    assert.equal(shown.value, value ?? "1000000");
    const origin = flag
      ? "flag --max-series"
      : ofEnvironment
      ? "environment"
      : ofFile
      ? (isNamed ? `${path}:1` : ".env:1")
      : "default";
    assert.equal(shown.origin, origin);
  }));
});

Deno.test("an empty variable counts as not set; an empty flag is a fault", () => {
  const config = load(sourcesOf({
    environment: { MAX_SERIES: " ", LOG_LEVEL: "" },
    files: { "/srv/.env": "MAX_SERIES=7\n" },
  }));
  assert.deepEqual([config.maxSeries, config.log.level], [7, "info"]);
  assert.deepEqual(subjects(sourcesOf({ flags: { MAX_SERIES: "" } })), ["--max-series"]);
});

Deno.test("a file of settings that was named has to be there; .env has not, but has to be readable", () => {
  assert.deepEqual(subjects(sourcesOf({ envFile: "missing.env" })), ["--env-file"]);
  const [fault] = faultsOf(
    sourcesOf({ files: { "/srv/.env": new Error("Permission denied (os error 13)") } }),
  );
  assert.match(fault!.problem, /cannot be read: Permission denied$/);
});

Deno.test("a secret comes from a file as well, without its last line break; not from two places", () => {
  const files = { "/run/token": "swordfish\r\n", "/run/empty": "\n" };
  const token = (flags: Record<string, string>, ofEnvironment: Record<string, string> = {}) =>
    sourcesOf({ flags, environment: ofEnvironment, files });
  assert.equal(busesOf(load(token({ VABUS_TOKEN_FILE: "../run/token" })))[0]!.address.token, "swordfish");
  assert.deepEqual(subjects(token({}, { VABUS_TOKEN_FILE: "/run/token", VABUS_TOKEN: "x" })), [
    "VABUS_TOKEN",
  ]);
  assert.deepEqual(subjects(token({ VABUS_TOKEN_FILE: "/run/nothing" })), ["VABUS_TOKEN_FILE"]);
  assert.deepEqual(subjects(token({ VABUS_TOKEN_FILE: "/run/empty" })), ["VABUS_TOKEN_FILE"]);
  const [fault] = faultsOf(token({}, { VABUS_TOKEN_FILE: "/run/token", VABUS_TOKEN: "x" }));
  assert.match(fault!.problem, /VABUS_TOKEN_FILE .* both set/);
});

Deno.test("every secret can be read from a file, and no help nor example of it asks for it on the command line", () => {
  for (const name of ["KAFKA_SASL_PASSWORD", "POSTGRES_CONNECTION_STRING", "VABUS_TOKEN"] as const) {
    assert.ok(GIVEN_NAMES.includes(`${name}_FILE`), name);
    assert.equal(CATALOGUE.variable(name).secret, true);
  }
});

Deno.test("all faults are told at once, each with where its value came from and what would be right", () => {
  const faults = faultsOf(
    sourcesOf({
      flags: { LOG_LEVEL: "loud", CHECKPOINT_INTERVAL: "0" },
      environment: {
        STORAGE_TYPE: "kafka,postgres",
        AGGREGATION_INTERVAL: "0.05",
        KAFKA_SASL_USERNAME: "me",
        VABUS_CERT_FILE: "/tls/cert.pem",
        ROUTES: "nonsense",
        HTTP_LISTEN: "8090",
      },
      files: { ...PEM, "/srv/.env": "MAX_SERIES=1e6\n" },
    }),
    () => ["no form at all"],
  );
  assert.deepEqual(faults.map(({ subject }) => subject).toSorted(), [
    "AGGREGATION_INTERVAL",
    "CHECKPOINT_INTERVAL",
    "HTTP_LISTEN",
    "KAFKA_BOOTSTRAP_SERVERS",
    "KAFKA_SASL_MECHANISM",
    "KAFKA_SASL_PASSWORD",
    "LOG_LEVEL",
    "MAX_SERIES",
    "POSTGRES_CONNECTION_STRING",
    "ROUTES",
    "VABUS_KEY_FILE",
  ]);
  const { message } = new ConfigError(faults);
  assert.match(message, /^11 faults/);
  assert.match(message, /LOG_LEVEL="loud" \(flag --log-level\) is not known\. Allowed: one of debug, info/);
  assert.match(message, /MAX_SERIES="1e6" \(\.env:1\) is not a whole number/);
  assert.match(message, /KAFKA_SASL_PASSWORD is missing, since KAFKA_SASL_USERNAME is set/);
  assert.match(message, /ROUTES="nonsense" \(environment\) is wrong: no form at all\./);
});

Deno.test("property: whatever any variable is set to, the answer is a configuration or its faults, never a defect", () => {
  const text = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 40 }),
    fc.stringMatching(/^[0-9.,:e+-]{0,12}$/),
    fc.stringMatching(/^https?:\/\/[a-z0-9.:@%\/?#[\]-]{0,20}(,https?:\/\/[a-z:@%]{1,9})?$/),
    fc.stringMatching(/^postgres:\/\/[a-z0-9.:@%\/?#,=&-]{0,24}$/),
    fc.constantFrom(
      "true",
      "off",
      "kafka,postgres,sqlite,stdout",
      "http://%c3:%a9@h",
      "postgres://%c3:%a9@h/d",
    ),
  );
  const settings = fc.dictionary(fc.constantFrom(...GIVEN_NAMES), text, { maxKeys: 6 });
  fc.assert(
    fc.property(settings, settings, (flags, ofEnvironment) => {
      const sources = sourcesOf({ flags, environment: ofEnvironment });
      for (const attempt of [() => maskedConfig(load(sources)), () => loadBusConfig(sources)]) {
        try {
          attempt();
        } catch (error) {
          assert.ok(error instanceof ConfigError, `${error}`);
        }
      }
    }),
    { numRuns: 1000 },
  );
});

Deno.test("property: no secret is in any message, in what is shown, or left by redaction", () => {
  const spoilt = fc.constantFrom("", "", "", "@", "/x", "#", "?", " ", ":", "%", ",");
  const secret = fc.tuple(fc.stringMatching(/^[A-Za-z0-9]{10,16}$/), spoilt)
    .map(([text, bad]) => `SECRET${text}${bad}`);
  const authority = fc.constantFrom(
    (secret: string) => `user:${secret}@host:1/db`,
    (secret: string) => `${secret}@host:1`,
    (secret: string) => `host:1/db?password=${secret}`,
  );
  const urlOf = (...schemes: string[]) =>
    fc.tuple(fc.constantFrom(...schemes), authority, secret)
      .map(([scheme, authority, secret]) => ({ secret, text: `${scheme}://${authority(secret)}` }));
  const postgresUrl = urlOf("postgres", "postgres", "http", "");
  const busUrl = urlOf("http", "https", "htp", "");
  fc.assert(
    fc.property(
      secret,
      secret,
      postgresUrl,
      busUrl,
      fc.boolean(),
      (token, password, postgres, bus, isFile) => {
        const held = {
          VABUS_TOKEN: token,
          KAFKA_SASL_PASSWORD: password,
          POSTGRES_CONNECTION_STRING: postgres.text,
        };
        const sources = sourcesOf({
          environment: {
            STORAGE_TYPE: "kafka,postgres",
            KAFKA_BOOTSTRAP_SERVERS: "b:1",
            KAFKA_SASL_MECHANISM: "plain",
            KAFKA_SASL_USERNAME: "me",
            VABUS_URL: bus.text,
            ...(isFile
              ? Object.fromEntries(Object.keys(held).map((name) => [`${name}_FILE`, `/run/${name}`]))
              : held),
          },
          files: Object.fromEntries(Object.entries(held).map(([name, text]) => [`/run/${name}`, text])),
        });
        let shown: string;
        try {
          const config = load(sources);
          const leak = [token, password, postgres.text, postgres.secret, bus.text, bus.secret].join(" ");
          shown = maskedConfig(config) + JSON.stringify(config.settings) + config.warnings.join() +
            redact(leak, config.secrets);
        } catch (error) {
          assert.ok(error instanceof ConfigError);
          shown = error.message + JSON.stringify(error.faults);
        }
        assert.doesNotMatch(shown, /SECRET/);
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("a user name with an empty password may be a token: it is masked and redacted", () => {
  const { settings, secrets } = environment({
    STORAGE_TYPE: "postgres",
    VABUS_URL: "http://bus-token:@a, http://user:b:c@b",
    POSTGRES_CONNECTION_STRING: "postgres://pg-token:@h/d",
  });
  const shown = (name: string) => settings.find(({ variable }) => variable === name)?.value;
  assert.equal(shown("VABUS_URL"), "http://***@a,http://user:***@b");
  assert.equal(shown("POSTGRES_CONNECTION_STRING"), "postgres://***@h/d");
  assert.equal(redact("bus-token pg-token b:c", secrets), "*** *** ***");
});

Deno.test("a percent sign has to begin a whole character in user name and password, each by itself", () => {
  const broken = { VABUS_URL: "http://%c3:%a9@h", POSTGRES_CONNECTION_STRING: "postgres://%c3:%a9@h/d" };
  assert.deepEqual(subjects(sourcesOf({ environment: { ...broken, STORAGE_TYPE: "postgres" } })), [
    "POSTGRES_CONNECTION_STRING",
    "VABUS_URL",
  ]);
  assert.ok(environment({ VABUS_URL: "http://%c3%a9:%c3%a9@h" }).secrets.includes("é"));
});

Deno.test("where the state is: the operator's word, systemd, XDG, home; or a fault", () => {
  const stateDir = (values: Record<string, string | undefined>) =>
    load(sourcesOf({ environment: { INSTANCE_ID: "i", ...values } })).stateDir;
  const all = { STATE_DIR: "here", STATE_DIRECTORY: "/var/lib/a:/var/lib/b", XDG_STATE_HOME: "/xdg" };
  assert.equal(stateDir(all), "/srv/here");
  assert.equal(stateDir({ ...all, STATE_DIR: undefined }), "/var/lib/a");
  assert.equal(stateDir({ XDG_STATE_HOME: "/xdg" }), "/xdg/vabus-data-handler");
  assert.equal(stateDir({ XDG_STATE_HOME: "not/absolute" }), "/home/vabus/.local/state/vabus-data-handler");
  assert.deepEqual(subjects(sourcesOf({ environment: { HOME: undefined } })), ["STATE_DIR"]);
});

Deno.test("VABUS_URL beats DEFAULT_VABUS_URL; a bus is named once; slashes at the end do not matter", () => {
  assert.deepEqual(
    busUrlsOf(environment({ DEFAULT_VABUS_URL: "http://a, https://b:1/x//" })),
    ["http://a", "https://b:1/x"],
  );
  assert.deepEqual(busUrlsOf(environment({ DEFAULT_VABUS_URL: "http://a", VABUS_URL: "http://b" })), [
    "http://b",
  ]);
  for (const twice of ["http://a,http://A:80/", "http://u:p@a,http://a"]) {
    assert.deepEqual(subjects(sourcesOf({ environment: { VABUS_URL: twice } })), ["VABUS_URL"], twice);
  }
});

Deno.test("TLS files are read, have to be PEM, and certificate and key come together", () => {
  const tls = (values: Record<string, string>) =>
    sourcesOf({ environment: values, files: { ...PEM, "/tls/no": "x" } });
  const files = {
    VABUS_CA_FILE: "/tls/ca.pem",
    VABUS_CERT_FILE: "/tls/cert.pem",
    VABUS_KEY_FILE: "/tls/key.pem",
  };
  const config = load(tls(files));
  assert.match(busesOf(config)[0]!.address.tls!.key!, /MIIkey/);
  assert.ok(config.secrets.some((secret) => secret.includes("MIIkeykeykey")));
  assert.doesNotMatch(maskedConfig(config), /MII/);
  assert.deepEqual(subjects(tls({ VABUS_CA_FILE: "/tls/no", VABUS_KEY_FILE: "/nowhere" })), [
    "VABUS_CA_FILE",
    "VABUS_CERT_FILE",
    "VABUS_KEY_FILE",
  ]);
  const kafka = { STORAGE_TYPE: "kafka", KAFKA_BOOTSTRAP_SERVERS: "b:1" };
  assert.deepEqual(subjects(tls({ ...kafka, KAFKA_SSL_CA_FILE: "/tls/ca.pem" })), ["KAFKA_SSL"]);
  const [sink] = load(tls({ ...kafka, KAFKA_SSL: "TRUE" })).sinks;
  assert.deepEqual((sink!.options as { tls: unknown }).tls, {
    ca: undefined,
    cert: undefined,
    key: undefined,
  });
});

Deno.test("a host name that cannot name an instance is a fault, unless INSTANCE_ID is set", () => {
  for (const hostName of ["", " edge", "a\nb", "x".repeat(201)]) {
    assert.deepEqual(subjects(sourcesOf({ hostName })), ["INSTANCE_ID"], JSON.stringify(hostName));
    assert.equal(
      load(sourcesOf({ hostName, environment: { INSTANCE_ID: "Halle 7/Ä" } })).instanceId,
      "Halle 7/Ä",
    );
  }
});

Deno.test("what looks like a mistake is a warning: secrets in the clear, horizon below lateness", () => {
  const config = environment({
    VABUS_URL: "http://bus:8000",
    VABUS_TOKEN: "t0ken",
    CORRECTION_HORIZON: "3",
  });
  assert.equal(config.warnings.length, 2, config.warnings.join("\n"));
  assert.ok(config.warnings.some((warning) => /VABUS_TOKEN goes to bus/.test(warning)));
  assert.doesNotMatch(config.warnings.join(), /t0ken/);
  assert.deepEqual(environment({ VABUS_URL: "http://[::1]:8000", VABUS_TOKEN: "t0ken" }).warnings, []);
});

Deno.test("all that the named sinks lack is told behind a wrong STORAGE_TYPE, and routes that are wrong in any case", () => {
  const sources = sourcesOf({
    environment: {
      STORAGE_TYPE: "kafka;postgres,oracle",
      ROUTES: "nonsense",
      VABUS_TOKEN_FILE: "/nowhere",
      KAFKA_SSL: "treu",
      KAFKA_SSL_CA_FILE: "/tls/ca.pem",
    },
    files: PEM,
  });
  const faults = faultsOf(sources, (text) => text === "nonsense" ? ["no form at all"] : []);
  assert.deepEqual(faults.map(({ subject }) => subject).toSorted(), [
    "KAFKA_BOOTSTRAP_SERVERS",
    "KAFKA_SSL",
    "POSTGRES_CONNECTION_STRING",
    "ROUTES",
    "STORAGE_TYPE",
    "VABUS_TOKEN_FILE",
  ]);
});

Deno.test("a duration is plain seconds or has a unit; what is wrong with any other is said", () => {
  const waits = [
    ["90", 90_000],
    ["0.5", 500],
    ["10s", 10_000],
    ["1.5m", 90_000],
    ["1h", 3_600_000],
    [
      "7d",
      604_800_000,
    ],
    ["0", 0],
    ["0.001s", 1],
  ] as const;
  for (const [text, ms] of waits) assert.equal(environment({ MAX_WAIT: text }).maxWaitMs, ms, text);
  const wrong = [
    ["-5", /is negative/],
    ["-5s", /is negative/],
    ["500ms", /unit that is none of s, m, h and d/],
    ["10 s", /unit that is none of/],
    ["10S", /unit that is none of/],
    ["5 min", /unit that is none of/],
    ["0,5", /has a comma/],
    ["0.0001", /finer than a millisecond/],
    ["0.00001m", /finer than a millisecond/],
    ["1h30m", /is not a duration/],
    ["1e3", /is not a duration/],
    ["soon", /is not a duration/],
    [".5", /is not a duration/],
    ["367d", /is more than 31622400 seconds/],
    ["9".repeat(400), /is more than/],
  ] as const;
  for (const [text, problem] of wrong) {
    const [fault, ...others] = faultsOf(sourcesOf({ environment: { MAX_WAIT: text } }));
    assert.match(fault!.problem, problem, text);
    assert.deepEqual(others, []);
  }
});

Deno.test("what is shown is every variable, in force, with its origin", () => {
  const config = environment({
    LOG_LEVEL: "debug",
    VABUS_TOKEN: "t0ken-t0ken",
    STORAGE_TYPE: "stdout,sqlite",
  });
  const text = maskedConfig(config);
  for (const name of VARIABLE_NAMES) assert.match(text, new RegExp(`^(# )?${name}\\b`, "m"));
  assert.match(text, /^LOG_LEVEL=debug +# environment$/m);
  assert.match(text, /^VABUS_TOKEN=\*\*\* +# environment$/m);
  assert.match(text, /^INSTANCE_ID=edge7 +# default, the host name$/m);
});

Deno.test("the bus asks for nothing that only the handler needs, but bears no wrong setting either", () => {
  assert.equal(
    loadBusConfig(sourcesOf({ environment: { STORAGE_TYPE: "postgres", VABUS_TOKEN: "t" } })).token,
    "t",
  );
  assert.throws(() => loadBusConfig(sourcesOf({ environment: { MAX_SERIES: "many" } })), ConfigError);
});

Deno.test("a user name before an empty password may be a token, and is not shown", () => {
  const config = environment({ VABUS_URL: "http://s3cr3t:@bus:8000" });
  assert.match(maskedConfig(config), /^VABUS_URL=http:\/\/\*\*\*@bus:8000 /m);
  assert.equal(redact("it was s3cr3t", config.secrets), "it was ***");
});

Deno.test("a line that was not understood is a fault, and what it sets does not count as missing", () => {
  const faults = faultsOf(sourcesOf({
    envFile: "/e",
    files: {
      "/e": "STORAGE_TYPE=postgres\nPOSTGRES_CONNECTION_STRING='postgres://u:s3cr3t@h/d\nVABUS_TOKEN\n",
    },
  }));
  assert.deepEqual(faults.map(({ subject, origin }) => [subject, origin]), [
    ["POSTGRES_CONNECTION_STRING", "/e:2"],
    ["/e:3", undefined],
  ]);
  assert.doesNotMatch(new ConfigError(faults).message, /s3cr3t/);
});

Deno.test("what systemd or Docker left in a value is told, where it makes it wrong", () => {
  const problemOf = (text: string) => faultsOf(sourcesOf({ environment: { VABUS_URL: text } }))[0]!.problem;
  assert.match(problemOf("http://x # note"), /a comment behind a value is part of it/);
  assert.match(problemOf('"http://x"'), /in quotes, which Docker takes as part/);
  assert.doesNotMatch(problemOf("ftp://x"), /comment|quotes/);
});

Deno.test("a setting that a file sets twice is a fault, another program's variable is not", () => {
  const files = { "/srv/.env": "MAX_WAIT=1\nPATH=a\nMAX_WAIT=2\nPATH=b\n" };
  const [fault, ...others] = faultsOf(sourcesOf({ files }));
  assert.deepEqual([fault!.subject, fault!.origin, others], ["MAX_WAIT", ".env:3", []]);
  assert.match(fault!.problem, /set twice, first in \.env:1/);
});

Deno.test("what steers a terminal is shown escaped, in errors and in the effective configuration", () => {
  const sources = sourcesOf({ environment: { MAX_WAIT: "\x9b31m\x7f\u202e", STORAGE_TYPE: "kafka\u0085" } });
  assert.throws(() => load(sources), (error: Error) => {
    assert.match(error.message, /MAX_WAIT="\\u009b31m\\u007f\\u202e"/);
    return !/[^\P{Cc}\n]/u.test(error.message);
  });
  const config = environment({ ROUTES: "a\x1b[2J*=sqlite;*=none" });
  assert.match(maskedConfig(config), /^ROUTES=a\\u001b\[2J\*=sqlite;\*=none /m);
});
