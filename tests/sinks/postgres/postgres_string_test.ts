import assert from "node:assert/strict";
import { type PostgresString, readPostgresString } from "../../../src/sinks/postgres/postgres_string.ts";
import { redact } from "../../../src/settings/redaction.ts";
import fc from "../../support/fast_check.ts";

function read(text: string): PostgresString {
  const found = readPostgresString(text);
  assert.ok(typeof found !== "string", `${text}: ${found}`);
  return found;
}

const parametersOf = (text: string) => read(text).parameters;

function problemOf(text: string): string {
  const found = readPostgresString(text);
  assert.ok(typeof found === "string", `${text} was accepted`);
  return found;
}

Deno.test("the parts of a URL, and what stands in for those that are not there", () => {
  const { hosts, user, password, database, ...rest } = parametersOf("postgresql://u:p%40w@db:6543/plant%207");
  assert.deepEqual([hosts, user, password, database], [
    [{ host: "db", address: undefined, port: 6543 }],
    "u",
    "p@w",
    "plant 7",
  ]);
  assert.deepEqual(rest, {
    applicationName: "vabus-data-handler",
    options: undefined,
    connectTimeoutMs: 10_000,
    keepAliveMs: 60_000,
    target: "any",
    sslMode: "prefer",
    isDirectTls: false,
    isSslModeGiven: false,
    requiredLogin: undefined,
    sslRootCert: undefined,
    sslCert: undefined,
    sslKey: undefined,
  });
  const { user: noUser, password: noPassword, database: noDatabase } = parametersOf("postgres://db");
  assert.deepEqual([noUser, noPassword, noDatabase], [undefined, undefined, undefined]);
});

Deno.test("several hosts, with ports of their own or one for all, addresses and sockets", () => {
  const hosts = (text: string) =>
    parametersOf(text).hosts.map(({ host, address, port }) => `${host} ${address ?? "-"} ${port}`);
  assert.deepEqual(hosts("postgres://a,b:2,[::1]:3/d"), ["a - 5432", "b - 2", "::1 - 3"]);
  assert.deepEqual(hosts("postgres:///d?host=a,b&port=7"), ["a - 7", "b - 7"]);
  assert.deepEqual(hosts("postgres:///d?host=a,b&port=7,8"), ["a - 7", "b - 8"]);
  assert.deepEqual(hosts("postgres://a/d?hostaddr=10.0.0.1"), ["a 10.0.0.1 5432"]);
  assert.deepEqual(hosts("postgres:///d?hostaddr=10.0.0.1"), ["10.0.0.1 10.0.0.1 5432"]);
  assert.deepEqual(hosts("postgres://%2Frun%2Fpostgresql/d"), ["/run/postgresql - 5432"]);
  assert.deepEqual(hosts("host=/run/postgresql dbname=d port=1"), ["/run/postgresql - 1"]);
});

Deno.test("parameters beat the parts before them, and both forms mean the same", () => {
  const url = parametersOf(
    "postgres://a:b@h/d?user=u&password=p%26w&dbname=x&connect_timeout=3&sslmode=verify-ca&sslrootcert=/ca.pem" +
      "&target_session_attrs=read-write&options=-c%20a%3Db&keepalives=0&fallback_application_name=n",
  );
  const keywords = parametersOf(
    "host=h user=u password='p&w' dbname = x connect_timeout=3 sslmode=verify-ca sslrootcert=/ca.pem " +
      "target_session_attrs=read-write options='-c a=b' keepalives=0 fallback_application_name=n",
  );
  assert.deepEqual(url, keywords);
  assert.deepEqual([url.user, url.password, url.options, url.keepAliveMs], ["u", "p&w", "-c a=b", undefined]);
  assert.equal(parametersOf(String.raw`host=h password='it\'s \\'`).password, String.raw`it's \ `.trim());
});

Deno.test("sslmode comes of what is given", () => {
  const mode = (query: string) => parametersOf(`postgres://h/d?${query}`).sslMode;
  assert.equal(mode("ssl=true"), "require");
  assert.equal(mode("sslrootcert=system"), "verify-full");
  assert.equal(mode("sslmode=allow"), "allow");
});

Deno.test("a parameter that is not honoured, and a value that is wrong, are named", () => {
  const problems: [string, RegExp][] = [
    ["require_auth=!md5,scram-sha-256", /require_auth with both allowed and forbidden methods/],
    ["sslmode=verify", /sslmode with a value that is none of disable, allow, prefer/],
    ["sslmode=REQUIRE", /sslmode with a value that is none of/],
    ["sslmod=require", /a parameter sslmod that is not known; did you mean sslmode\?/],
    [
      "synchronous_commit=off",
      /synchronous_commit that is not known; a setting of the server goes into options=/,
    ],
    [
      "passfile=/x",
      /passfile, which is not honoured here: put the password into POSTGRES_CONNECTION_STRING_FILE/,
    ],
    ["service=x", /service, which is not honoured/],
    ["keepalives_count=3", /keepalives_count, which is not honoured/],
    ["requirepeer=x", /requirepeer, which is not honoured here$/],
    ["channel_binding=require", /channel_binding with another value than disable or prefer/],
    ["gssencmode=require", /gssencmode with another value/],
    ["target_session_attrs=standby", /target_session_attrs=standby, but the handler writes/],
    ["target_session_attrs=best", /target_session_attrs with a value that is none of/],
    ["connect_timeout=0", /connect_timeout with a value that is no whole number of seconds from 1/],
    ["connect_timeout=5s", /connect_timeout with a value that is no whole number/],
    ["ssl=1", /ssl with another value than true/],
    ["sslmode=require&sslrootcert=system", /sslrootcert=system, which needs sslmode=verify-full/],
    ["sslmode=disable&sslrootcert=/x", /sslmode=disable, but certificates/],
    ["sslcert=/x", /one of sslcert and sslkey/],
    ["sslnegotiation=direct", /direct, which needs sslmode=require/],
    ["host=a,b&hostaddr=1.1.1.1", /not as many addresses/],
    ["port=1,2", /neither one port nor as many/],
    ["port=0", /port that is not a number/],
    ["hostaddr=x", /hostaddr that is no IP/],
    ["host=u%3Ap%40w", /host that is no name/],
    ["sslmode=require&sslmode=allow", /a parameter twice/],
    ["sslmode", /a parameter without a value/],
  ];
  for (const [query, problem] of problems) assert.match(problemOf(`postgres://h/d?${query}`), problem, query);
  assert.match(problemOf("postgres://h/d?sslmod=x&connect_timeout=x"), /sslmod .*; it has connect_timeout/);
  assert.match(problemOf("postgres:///d"), /names no host/);
  assert.match(problemOf("mysql://u:p@h/d"), /does not begin with postgres/);
  assert.match(problemOf("h/d"), /neither postgres/);
});

Deno.test("a password that is not percent-encoded or quoted is told without any of it", () => {
  for (
    const text of [
      "postgres://u:hid/den@h/d",
      "postgres://u:hid?den@h/d",
      "postgres://u:hid#den@h/d",
      "postgres://u:hid@den@h/d",
      "postgres://u:hid:den@h/d",
      "postgres://u:hid%den@h/d",
      "postgres://u:hid den@h/d",
      "postgres://u:hidden@h:x/d",
      "postgres://h/d?password=hid%den",
      "host=h password=hid den=x",
      "host=h password='hidden",
    ]
  ) assert.doesNotMatch(problemOf(text), /hid|den/, text);
});

Deno.test("property: what is secret, in whichever form and backend, is masked and can be redacted", () => {
  const secret = fc.string({ unit: "grapheme-ascii", minLength: 6, maxLength: 20 }).map((text) =>
    `s3cr3t${text}`
  );
  fc.assert(fc.property(secret, (password) => {
    const quoted = `'${password.replace(/['\\]/g, "\\$&")}'`;
    const encoded = encodeURIComponent(password);
    for (
      const text of [
        `postgres://u:${encoded}@h/d?sslmode=require`,
        `postgres://u@h/d?sslmode=require&password=${encoded}`,
        `postgres://h/d?%70assword=${encoded}&user=u&sslmode=require`,
        `postgres://${encoded}@h/d?sslmode=require`,
        `host=h dbname=d sslmode=require password=${quoted}`,
      ]
    ) {
      const { masked, secrets } = read(text);
      assert.doesNotMatch(masked, /s3cr3t/);
      assert.match(masked, /sslmode=require/);
      assert.ok(!secrets.includes("h") && !secrets.includes("d"), "what may be shown is no secret");
      assert.doesNotMatch(redact(`${text} | ${password}`, secrets), /s3cr3t/);
    }
  }));
});
