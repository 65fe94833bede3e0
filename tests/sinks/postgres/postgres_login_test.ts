/** Which servers get the password of PostgreSQL, and which do not. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { gate } from "../../../src/platform/net/frame_gate.ts";
import type { RequiredLogin } from "../../../src/sinks/postgres/postgres_connection.ts";
import { ANSWER_MAX_BYTES, PostgresFrames } from "../../../src/sinks/postgres/postgres_frames.ts";
import { SinkError } from "../../../src/contract/sink.ts";
import { FakeSocket } from "../fake_socket.ts";

const OK = 0;
const CLEARTEXT = 3;
const MD5 = 5;
const GSS = 7;
const SASL = 10;
const SASL_CONTINUE = 11;
const SASL_FINAL = 12;

function message(type: string, content: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeUInt32BE(content.length + 4, 1);
  return Buffer.concat([head, content]);
}

function login(kind: number, text = ""): Buffer {
  const content = Buffer.alloc(4);
  content.writeUInt32BE(kind);
  return message("R", Buffer.concat([content, Buffer.from(text)]));
}

const MECHANISMS = login(SASL, "SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0");
const CHALLENGE = login(SASL_CONTINUE, "r=nonceAndMore,s=c2FsdA==,i=4096");
const READY = message("Z", Buffer.from("I"));

/** A gate, and what is said through it. */
class Talk {
  readonly socket = new FakeSocket();
  readonly passed: Buffer[] = [];

  constructor(isTrusted: boolean, requiredLogin?: RequiredLogin) {
    const answer = { maxBytes: ANSWER_MAX_BYTES };
    gate(
      this.socket.asSocket,
      new PostgresFrames({ address: "db:5432", isTrusted, requiredLogin, answer }),
    );
    this.socket.on("data", (bytes: Buffer) => this.passed.push(bytes));
  }

  client(text: string): this {
    this.socket.asSocket.write(Buffer.from(text));
    return this;
  }

  server(...messages: Buffer[]): this {
    for (const bytes of messages) this.socket.asSocket.emit("data", bytes);
    return this;
  }

  get verdict(): string {
    const error = this.socket.destroyedBy;
    if (error === undefined) return "passes";
    assert.ok(error instanceof SinkError);
    return `${error.kind}: ${error.message}`;
  }
}

function firstDemand(demand: Buffer, isTrusted: boolean, requiredLogin?: RequiredLogin): string {
  return new Talk(isTrusted, requiredLogin).server(demand).verdict;
}

Deno.test("a password in clear text or by md5 goes only to what has proven who it is, or is this host", () => {
  for (const demand of [login(CLEARTEXT), login(MD5, "salt")]) {
    assert.equal(firstDemand(demand, true), "passes");
    const verdict = firstDemand(demand, false);
    assert.match(verdict, /^misconfigured: PostgreSQL at db:5432 asks for the password/);
    assert.match(verdict, /sslmode=verify-full.*POSTGRES_SSL_CA_FILE/);
  }
  for (const demand of [login(OK), MECHANISMS]) assert.equal(firstDemand(demand, false), "passes");
});

Deno.test("require_auth means what it means to libpq", () => {
  const allow = (...methods: string[]): RequiredLogin => ({ methods, isNegated: false });
  const forbid = (...methods: string[]): RequiredLogin => ({ methods, isNegated: true });
  const demands = {
    none: login(OK),
    password: login(CLEARTEXT),
    md5: login(MD5, "salt"),
    "scram-sha-256": MECHANISMS,
  };
  const passing = (isTrusted: boolean, required?: RequiredLogin) =>
    Object.entries(demands).filter(([, demand]) => firstDemand(demand, isTrusted, required) === "passes")
      .map(([name]) => name);
  assert.deepEqual(passing(false), ["none", "scram-sha-256"]);
  assert.deepEqual(passing(true), ["none", "password", "md5", "scram-sha-256"]);
  assert.deepEqual(passing(false, allow("password")), ["password"]);
  assert.deepEqual(passing(false, allow("md5", "none")), ["none", "md5"]);
  assert.deepEqual(passing(true, allow("scram-sha-256")), ["scram-sha-256"]);
  assert.deepEqual(passing(true, forbid("password", "none")), ["md5", "scram-sha-256"]);
  // What is not forbidden is not allowed by that to somebody who has proven nothing.
  assert.deepEqual(passing(false, forbid("md5")), ["none", "scram-sha-256"]);
  assert.match(firstDemand(login(OK), true, allow("scram-sha-256")), /which require_auth does not allow/);
});

Deno.test("a SCRAM login counts only with the server's proof at its end", () => {
  const begun = () => new Talk(false).server(MECHANISMS).client("p....SCRAM-SHA-256\0....n,,n=*,r=nonce");
  assert.equal(
    begun().server(CHALLENGE, login(SASL_FINAL, "v=cHJvb2Y="), login(OK), READY).verdict,
    "passes",
  );
  assert.match(begun().server(CHALLENGE, login(OK)).verdict, /^misconfigured: .*without having proven/);
  assert.match(begun().server(login(OK)).verdict, /^misconfigured: .*without having proven/);
  assert.match(begun().server(login(CLEARTEXT)).verdict, /^misconfigured/);
  assert.match(begun().server(CHALLENGE, READY).verdict, /skipped the login/);
  assert.match(new Talk(false).server(READY).verdict, /skipped the login/);
});

Deno.test("a SCRAM challenge that would stop this process, or is none, is not answered", () => {
  const answerTo = (challenge: string) =>
    new Talk(true).server(MECHANISMS).client("p,r=nonce").server(login(SASL_CONTINUE, challenge)).verdict;
  assert.equal(answerTo("r=nonce1,s=c2FsdA==,i=4096"), "passes");
  assert.match(answerTo("r=nonce1,s=c2FsdA==,i=2147483647"), /^misconfigured: .*iterations/);
  for (
    const text of [
      "",
      "r=nonce1",
      "r=other,s=c2FsdA==,i=4096",
      "r=nonce1,s=,i=4096",
      "r=nonce1,s=c2FsdA==,i=x",
    ]
  ) {
    assert.match(answerTo(text), /does not keep to the rules of SCRAM/, text);
  }
  assert.match(answerTo("r=nonce1,s=c2FsdA==,i=0"), /iterations/);
});

Deno.test("logins that are not known, and what is no PostgreSQL, end with words", () => {
  assert.match(firstDemand(login(GSS), true), /^misconfigured: .*not supported here/);
  assert.match(firstDemand(login(SASL, "OAUTHBEARER\0\0"), true), /not supported here/);
  assert.match(firstDemand(Buffer.from("HTTP/1.1 400 Bad"), true), /^unavailable: .*Is this a PostgreSQL/);
  assert.match(firstDemand(Buffer.from("S\xff\xff\xff\xff", "latin1"), true), /announces a message/);
  assert.match(firstDemand(message("R", Buffer.alloc(2)), true), /does not speak/);
});

Deno.test("after the login answers are bounded in frames, bytes, rows and parameters", () => {
  const loggedIn = () => new Talk(true).server(login(OK), READY).client("a statement");
  const head = (type: string, size: number) => {
    const bytes = Buffer.alloc(5);
    bytes.write(type);
    bytes.writeUInt32BE(size, 1);
    return bytes;
  };
  const MIB = 1024 * 1024;
  assert.equal(loggedIn().server(head("D", 10 * MIB)).verdict, "passes");
  assert.match(loggedIn().server(head("D", 20 * MIB)).verdict, /announces/);
  assert.match(loggedIn().server(head("E", 2 * MIB)).verdict, /announces/);
  assert.match(loggedIn().server(head("G", 20)).verdict, /does not speak/);
  const rows = Buffer.concat(Array.from({ length: 10_000 }, () => message("D", Buffer.alloc(2))));
  const endless = loggedIn();
  for (let i = 0; i < 100 && !endless.socket.destroyed; i++) endless.server(rows);
  assert.match(endless.verdict, /more than was asked for/);
  const notices = loggedIn();
  for (let i = 0; i < 2000 && !notices.socket.destroyed; i++) {
    notices.server(message("N", Buffer.alloc(60_000)));
  }
  assert.match(notices.verdict, /more than was asked for/);
  const parameters = loggedIn();
  for (let i = 0; i < 20_000 && !parameters.socket.destroyed; i++) {
    parameters.server(message("S", Buffer.from(`p${i}\0v\0`))).client("a statement");
  }
  assert.match(parameters.verdict, /parameters without end/);
  // A name that does not end: the driver would look for its end for ever.
  assert.match(
    loggedIn().server(message("T", Buffer.from([0, 1, 65, 66]))).verdict,
    /describes the columns of rows wrongly/,
  );
});
