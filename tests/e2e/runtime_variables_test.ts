/** Variables of Deno, Node and the packages, and what the program may not reach. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type Environment, Program, temporaryDirectory } from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { Bus, handlerEnvironment } from "./plant.ts";

/** Each would change what the program does, prints, trusts or opens, if it came through. */
function hostileEnvironment(directory: string, port: number): Environment {
  const file = join(directory, "traced");
  return {
    DENO_SERVE_ADDRESS: `tcp:127.0.0.1:${port}`,
    DENO_CERT: join(directory, "missing.pem"),
    DENO_TLS_CA_STORE: "nonsense",
    DENO_AUTH_TOKENS: "secret@example.org",
    DENO_NO_PROMPT: "0",
    DENO_TRACE_PERMISSIONS: "1",
    DENO_AUDIT_PERMISSIONS: file,
    DENO_COVERAGE_DIR: file,
    DENO_CONDITIONS: "development",
    DENO_DIR: file,
    DENO_UNSTABLE_OTEL_DETERMINISTIC: "1",
    DENO_V8_FLAGS: "",
    DENO_NODE_USE_OPENSSL_CA: "1",
    OTEL_DENO: "true",
    OTEL_DENO_CONSOLE: "capture",
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `http://127.0.0.1:${port}`,
    NODE_OPTIONS: "--inspect --require=/nowhere.js",
    NODE_EXTRA_CA_CERTS: join(directory, "missing.pem"),
    NODE_DEBUG: "net,tls,http,stream,timer",
    NODE_DEBUG_NATIVE: "tls",
    NODE_TLS_REJECT_UNAUTHORIZED: "0",
    NODE_USE_ENV_PROXY: "1",
    NODE_V8_COVERAGE: file,
    NODE_PENDING_DEPRECATION: "1",
    NPM_CONFIG_REGISTRY: `http://127.0.0.1:${port}`,
    RUST_LOG: "trace",
    RUST_BACKTRACE: "full",
    SSL_CERT_FILE: join(directory, "missing.pem"),
    SSL_CERT_DIR: directory,
    SSLKEYLOGFILE: file,
    PGHOST: "nowhere.invalid",
    PGPASSWORD: "pg-secret",
    PGUSER: "somebody",
    PGSSLMODE: "disable",
    PGOPTIONS: "-c statement_timeout=1",
    PGTARGETSESSIONATTRS: "standby",
    LANG: "l".repeat(5000),
    LANGUAGE: "l".repeat(5000),
    LC_ALL: "l".repeat(5000),
    LC_MESSAGES: "l".repeat(5000),
    KAFKAJS_DEBUG_PROTOCOL_BUFFERS: "1",
    KAFKAJS_NO_PARTITIONER_WARNING: "0",
    // A shell that lists its variables shows each line as one.
    SEVERAL_LINES: "*\nexport DENO_OF x=\nexport OTEL_IN_A_VALUE",
  };
}

/** That variables of OpenTelemetry are not read is said: an operator may expect something of them. */
const UNREAD_WARNING = /^WARN(?:ING)? .*OTEL_\w+: set, but not read here.*\n/gm;

Deno.test("variables of the runtime and its packages change nothing", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const environment = (name: string): Environment => ({
    ...handlerEnvironment(bus.url, join(directory.path, name)),
    LOG_FORMAT: "text",
  });
  const said = async (name: string, hostile: Environment) => {
    await using program = Program.start(["check"], { ...environment(name), ...hostile });
    const code = await program.ended();
    const plain = (text: string) =>
      text.replaceAll(name, "NAME").replace(/^\S+Z /gm, "").replace(UNREAD_WARNING, "");
    return { code, stdout: plain(program.stdout), stderr: plain(program.stderr) };
  };
  const port = freePort();
  const hostile = hostileEnvironment(directory.path, port);
  using listener = Deno.listen({ hostname: "127.0.0.1", port });
  let connections = 0;
  const listening = (async () => {
    for await (const connection of listener) {
      connections++;
      connection.close();
    }
  })();
  const expected = await said("plain-state", {});
  assert.equal(expected.code, 0, expected.stderr + expected.stdout);
  assert.deepEqual(await said("other-state", hostile), expected);
  listener.close();
  await listening;
  assert.equal(connections, 0, "something went to the collector");
  const files = [...Deno.readDirSync(directory.path)].map(({ name }) => name);
  assert.equal(files.includes("traced"), false, `a trace was written: ${files}`);
});

Deno.test("a running service listens nowhere but where its settings say", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const port = freePort();
  await using program = Program.start(["once"], {
    ...handlerEnvironment(bus.url, directory.path),
    ...hostileEnvironment(directory.path, port),
  });
  assert.equal(await program.ended(), 0, program.stderr);
  // It would still be taken.
  Deno.listen({ hostname: "127.0.0.1", port }).close();
});

for (
  const [what, settings] of Object.entries({
    "the metadata address of a cloud": { VABUS_URL: "http://169.254.169.254" },
    "the passwords of the system": {
      STORAGE_TYPE: "kafka",
      KAFKA_BOOTSTRAP_SERVERS: "broker.invalid:9092",
      KAFKA_SSL: "true",
      KAFKA_SSL_CA_FILE: "/etc/shadow",
    },
    "a directory of the system": { STATE_DIR: "/etc/vabus-data-handler-test" },
  })
) {
  Deno.test(`the program does not reach ${what}, and says so without advice about Deno`, async () => {
    await using directory = await temporaryDirectory();
    const environment = { ...handlerEnvironment("http://bus.invalid:8000", directory.path), ...settings };
    await using program = Program.start(["STATE_DIR" in settings ? "once" : "check"], environment);
    assert.notEqual(await program.ended(), 0);
    const output = program.stdout + program.stderr;
    assert.match(output, /is kept from|no permission/, output);
    assert.doesNotMatch(output, /--allow|run again/);
  });
}
