import assert from "node:assert/strict";
import { PostgresParameterReader } from "../../../src/sinks/postgres/postgres_parameters.ts";
import { quoted, writerTableOf } from "../../../src/sinks/postgres/postgres_table_name.ts";

/** What is read of parameters beside a host, and what is wrong with them. */
function read(given: Readonly<Record<string, string>>) {
  const reader = new PostgresParameterReader(new Map(Object.entries({ host: "h", ...given })));
  return { ...reader.read(), problems: reader.problems };
}

const problems = (given: Readonly<Record<string, string>>) => read(given).problems.join("; ");

Deno.test("times are whole seconds from one to ten minutes", () => {
  for (const name of ["connect_timeout", "keepalives_idle"] as const) {
    const seconds = ["0", "1", "600", "601", "1.5", "-1", "x"].map((value) =>
      problems({ [name]: value }) === ""
    );
    assert.deepEqual(seconds, [false, true, true, false, false, false, false], name);
    assert.match(
      problems({ [name]: "601" }),
      new RegExp(`^has ${name} with a value that is no whole number .* 1 to 600$`),
    );
  }
  const { connectTimeoutMs, keepAliveMs } = read({
    connect_timeout: "7",
    keepalives_idle: "9",
    keepalives: "1",
  });
  assert.deepEqual([connectTimeoutMs, keepAliveMs], [7000, 9000]);
  assert.equal(read({ keepalives: "0", keepalives_idle: "9" }).keepAliveMs, undefined);
  assert.equal(read({ connect_timeout: "" }).connectTimeoutMs, 10_000);
  assert.match(problems({ keepalives: "2" }), /^has keepalives with a value that is none of 0, 1$/);
});

Deno.test("ports are numbers up to 65535, one for all hosts or one for each", () => {
  const isPort = ["0", "1", "65535", "65536", "123456", "1x", ""].map((port) => problems({ port }) === "");
  assert.deepEqual(isPort, [false, true, true, false, false, false, true]);
  const ports = (given: Record<string, string>) => read(given).hosts.map(({ port }) => port);
  assert.deepEqual(ports({ host: "a,b", port: "7" }), [7, 7]);
  assert.deepEqual(ports({ host: "a,b", port: "7,8" }), [7, 8]);
  assert.deepEqual(ports({ host: "a,b", port: "7," }), [7, 5432]);
  assert.match(problems({ host: "a,b", port: "7,8,9" }), /neither one port nor as many as hosts/);
  assert.match(problems({ host: "a", port: "7,8" }), /neither one port nor as many as hosts/);
});

Deno.test("hosts have names, addresses or directories, and as many addresses to connect to, or none", () => {
  const hosts = (given: Record<string, string>) =>
    read(given).hosts.map(({ host, address }) => `${host} ${address ?? "-"}`);
  assert.deepEqual(hosts({ host: "a, b-1.x_y ,/run/p,::1" }), ["a -", "b-1.x_y -", "/run/p -", "::1 -"]);
  assert.deepEqual(hosts({ host: "a,b", hostaddr: "1.1.1.1,::1" }), ["a 1.1.1.1", "b ::1"]);
  assert.deepEqual(hosts({ host: "", hostaddr: "1.1.1.1" }), ["1.1.1.1 1.1.1.1"]);
  assert.deepEqual(hosts({ host: "a,b", hostaddr: ",::1" }), ["a -", "b ::1"]);
  assert.equal(problems({ host: "a,b", hostaddr: ",::1" }), "");
  assert.match(problems({ host: "a,b", hostaddr: "::1" }), /not as many addresses/);
  assert.match(problems({ host: "" }), /^names no host$/);
  for (const host of ["a b", "a@b", "a:1", "a/b"]) {
    assert.match(problems({ host }), /a host that is no name/, host);
  }
  assert.equal(problems({ host: "a b,c d" }), problems({ host: "a b" }), "told once");
});

Deno.test("what is given for TLS has to go together", () => {
  const cases: readonly (readonly [given: Record<string, string>, problem: RegExp | undefined])[] = [
    [{ sslcert: "c", sslkey: "k" }, undefined],
    [{ sslcert: "c" }, /one of sslcert and sslkey/],
    [{ sslkey: "k" }, /one of sslcert and sslkey/],
    [{ sslrootcert: "system" }, undefined],
    [{ sslrootcert: "system", sslmode: "verify-full" }, undefined],
    [{ sslrootcert: "system", sslmode: "verify-ca" }, /needs sslmode=verify-full/],
    [{ sslrootcert: "x", sslmode: "require" }, undefined],
    [{ sslrootcert: "x", sslmode: "disable" }, /sslmode=disable, but certificates/],
    [{ sslcert: "c", sslkey: "k", sslmode: "disable" }, /sslmode=disable, but certificates/],
    [{ sslmode: "disable" }, undefined],
    [{ sslnegotiation: "postgres" }, undefined],
    [{ sslnegotiation: "direct", sslmode: "require" }, undefined],
    [{ sslnegotiation: "direct", sslmode: "verify-full" }, undefined],
    [{ sslnegotiation: "direct", sslmode: "prefer" }, /needs sslmode=require or better/],
    [{ sslnegotiation: "direct", sslmode: "allow" }, /needs sslmode=require or better/],
    [{ sslnegotiation: "direct", sslmode: "disable" }, /needs sslmode=require or better/],
    [{ ssl: "true" }, undefined],
    [{ ssl: "false" }, /ssl with another value than true/],
  ];
  for (const [given, problem] of cases) {
    if (problem === undefined) assert.equal(problems(given), "", JSON.stringify(given));
    else assert.match(problems(given), problem);
  }
  const mode = (given: Record<string, string>) => [read(given).sslMode, read(given).isSslModeGiven];
  assert.deepEqual(mode({}), ["prefer", false]);
  assert.deepEqual(mode({ ssl: "true" }), ["require", true]);
  assert.deepEqual(mode({ ssl: "true", sslmode: "allow" }), ["allow", true]);
  assert.deepEqual(mode({ sslrootcert: "system" }), ["verify-full", true]);
  assert.deepEqual(mode({ sslrootcert: "x" }), ["prefer", false]);
  assert.deepEqual(
    [{ sslnegotiation: "direct" }, { sslnegotiation: "postgres" }, {}].map((one) => read(one).isDirectTls),
    [
      true,
      false,
      false,
    ],
  );
});

Deno.test("logins are required or forbidden, and one of them is known here", () => {
  const cases:
    readonly (readonly [text: string, methods: readonly string[], isNegated: boolean, problem: string])[] = [
      ["md5", ["md5"], false, ""],
      ["gss,scram-sha-256", ["gss", "scram-sha-256"], false, ""],
      ["!md5,!password", ["md5", "password"], true, ""],
      ["!gss", ["gss"], true, ""],
      ["gss,sspi", ["gss", "sspi"], false, "require_auth without any of"],
      ["md5,md5", ["md5", "md5"], false, "the same method twice"],
      ["!md5,md5", ["md5", "md5"], true, "the same method twice"],
      ["!md5,none", ["md5", "none"], true, "both allowed and forbidden"],
      ["kerberos", ["kerberos"], false, "a value that is none of"],
    ];
  for (const [text, methods, isNegated, problem] of cases) {
    const { requiredLogin, problems } = read({ require_auth: text });
    assert.deepEqual(requiredLogin, { methods, isNegated }, text);
    assert.ok(
      problem === "" ? problems.length === 0 : problems.join().includes(problem),
      `${text}: ${problems}`,
    );
  }
  assert.equal(read({ require_auth: "" }).requiredLogin, undefined);
});

Deno.test("only servers that can be written to are asked for", () => {
  assert.deepEqual(
    ["any", "read-write", "primary", ""].map((one) => read({ target_session_attrs: one }).target),
    [
      "any",
      "read-write",
      "primary",
      "any",
    ],
  );
  for (const one of ["read-only", "standby", "prefer-standby"]) {
    const { target, problems } = read({ target_session_attrs: one });
    assert.equal(target, "any");
    assert.deepEqual(problems, [
      `has target_session_attrs=${one}, but the handler writes: leave it out, or read-write`,
    ]);
  }
});

Deno.test("a program names itself, unless the string does", () => {
  const name = (given: Record<string, string>) => read(given).applicationName;
  assert.deepEqual([name({}), name({ fallback_application_name: "f" })], ["vabus-data-handler", "f"]);
  assert.equal(name({ fallback_application_name: "f", application_name: "a" }), "a");
});

Deno.test("the table of claims has a name of its own within 63 bytes, in the same schema", () => {
  assert.equal(writerTableOf("rows"), "rows_writer");
  assert.equal(writerTableOf("s.rows"), "s.rows_writer");
  assert.equal(writerTableOf("n".repeat(56)), `${"n".repeat(56)}_writer`);
  for (const name of ["n".repeat(57), "n".repeat(63)]) {
    assert.equal(writerTableOf(name), `${"n".repeat(56)}_writer`);
  }
  assert.equal(writerTableOf("ü".repeat(29)), `${"ü".repeat(28)}_writer`);
  assert.equal(quoted('s.a"b'), '"s"."a""b"');
});
