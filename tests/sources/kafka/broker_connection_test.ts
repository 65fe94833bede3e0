/** A connection to a broker: which answer belongs to which request, what ends it, and the login. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { AddressInfo } from "node:net";
import { createServer } from "node:tls";
import { WireReader } from "../../../src/platform/kafka/wire_reader.ts";
import { WireWriter } from "../../../src/platform/kafka/wire_writer.ts";
import { BrokerConnection, type KafkaAccess } from "../../../src/sources/kafka/broker_connection.ts";
import type { TlsConfig } from "../../../src/settings/declaration.ts";
import { Authority } from "../../support/certificates.ts";
import { temporaryDirectory, until } from "../../support/executable.ts";
import { STILL } from "./exchange.ts";
import { API_VERSIONS, framed, type Request, ScriptedBroker, versionsAnswer } from "./scripted_broker.ts";

const [HANDSHAKE, AUTHENTICATE] = [17, 36] as const;
const API = { key: 1, flexibleFrom: 12 };
const NEVER = new AbortController().signal;
const OPEN: KafkaAccess = { tls: undefined, login: undefined };

/** A clock that a test moves. */
class HandClock {
  readonly sleeps: number[] = [];
  private readonly woken: (() => void)[] = [];

  readonly sleep = (ms: number, signal?: AbortSignal): Promise<void> => {
    this.sleeps.push(ms);
    return new Promise((resolve) => {
      this.woken.push(resolve);
      signal?.addEventListener("abort", () => resolve());
    });
  };

  /** Ends all sleeps, and lets who slept go on. */
  async wake(): Promise<void> {
    for (const resolve of this.woken.splice(0)) resolve();
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  }
}

/** A connection to a broker whose answers, but those about versions, are the test's. */
async function rig(script: (request: Request) => void, clock: Pick<HandClock, "sleep"> = STILL as HandClock) {
  const broker = await ScriptedBroker.start((request) => {
    if (request.key === API_VERSIONS) request.answer(versionsAnswer([[1, 5], [2, 3]]));
    else script(request);
  });
  const { host, port } = broker.address;
  const connection = await BrokerConnection.open({ host, port }, OPEN, clock, NEVER);
  return {
    name: `the broker at ${host}:${port}`,
    connection,
    broker,
    ask: (limits?: Parameters<BrokerConnection["request"]>[4]) =>
      connection.request(API, 5, (writer) => writer.int8(1), (reader) => reader.int8(), limits),
    async [Symbol.asyncDispose]() {
      connection.close();
      await broker[Symbol.asyncDispose]();
    },
  };
}

const byte = (value: number) => new Uint8Array([value]);

Deno.test("the greatest version that both have is spoken; a broker that has none is too old", async () => {
  await using it = await rig(() => {});
  const { connection, name } = it;
  assert.equal(connection.versionOf(API, 2, 5, 11), 5);
  assert.equal(connection.versionOf(API, 2), 2);
  assert.equal(connection.versionOf({ key: 2, flexibleFrom: 6 }, 3, 1), 3);
  for (const [key, version] of [[1, 6], [2, 4], [3, 0]] as const) {
    assert.throws(() => connection.versionOf({ key, flexibleFrom: 9 }, version), {
      kind: "refused",
      message: `${name} is older than Kafka 0.11, which is needed`,
    });
  }
});

Deno.test("answers belong to requests in their order", async () => {
  const held: Request[] = [];
  await using it = await rig((request) => {
    held.push(request);
    if (held.length < 3) return;
    const answers = held.map(({ id }, i) => framed(id, byte(i)));
    // In pieces that end within an answer.
    const all = Buffer.concat(answers);
    held[0]!.send(all.subarray(0, 12));
    held[0]!.send(all.subarray(12));
  });
  assert.deepEqual(await Promise.all([it.ask(), it.ask(), it.ask()]), [0, 1, 2]);
  assert.deepEqual(held.map(({ id, version }) => [id, version]), [[1, 5], [2, 5], [3, 5]]);
  assert.equal(it.connection.isOpen, true);
});

Deno.test("the head of a request and of an answer has tagged fields from the first flexible version on", async () => {
  await using it = await rig(({ answer }) => answer(new Uint8Array([0, 7])));
  const ask = (version: number) =>
    it.connection.request(API, version, (writer) => writer.int8(1), (reader) => reader.int8());
  assert.deepEqual([await ask(11), await ask(12), await ask(13)], [0, 7, 7]);
  assert.deepEqual(it.broker.requests.slice(1).map(({ body }) => [...body]), [[1], [0, 1], [0, 1]]);
});

Deno.test("what is no answer ends the connection, says why, and fails all that wait", async () => {
  for (
    const [answer, problem] of [
      [(id: number) => framed(id + 1, byte(1)), "belongs to another request"],
      // No more has to come for that.
      [() => new WireWriter(false).int32(3).written, "is not Kafka's protocol"],
      [
        (id: number) => framed(id, new Uint8Array(97)),
        "is said to have 101 bytes, where at most 100 can be right",
      ],
      [(id: number) => Buffer.concat([framed(id, byte(1)), framed(id, byte(1))]), "belongs to no request"],
      [(id: number) => framed(id, new Uint8Array(0)), "is cut off"],
    ] as const
  ) {
    const said = Promise.withResolvers<void>();
    await using it = await rig(({ id, send }) => {
      send(answer(id));
      said.resolve();
    });
    const { connection, name } = it;
    const message = `what ${name} answers ${problem}`;
    if (problem === "belongs to no request") {
      assert.equal(await it.ask({ maxBytes: 100 }), 1);
    } else {
      const second = problem === "is cut off" ? Promise.reject() : it.ask({ maxBytes: 100 });
      const both = await Promise.allSettled([it.ask({ maxBytes: 100 }), second]);
      for (const { reason } of both as PromiseRejectedResult[]) {
        if (reason !== undefined) assert.deepEqual([reason.kind, reason.message], ["garbage", message]);
      }
    }
    assert.equal(connection.isOpen, false);
    await assert.rejects(it.ask(), { kind: "garbage", message });
  }
});

Deno.test("an answer may have as many bytes as are allowed, and no content at all", async () => {
  await using it = await rig(({ id, send, version }) =>
    send(framed(id, version === 0 ? new Uint8Array(0) : new Uint8Array(96).fill(9)))
  );
  assert.equal(await it.ask({ maxBytes: 100 }), 9);
  const nothing = await it.connection.request(API, 0, () => {}, () => "nothing", { maxBytes: 4 });
  assert.equal(nothing, "nothing");
});

Deno.test("a broker that closes, or whose connection was closed here, is away", async () => {
  await using it = await rig(({ end }) => end());
  const { connection, name } = it;
  await assert.rejects(it.ask(), { kind: "unavailable", message: `${name} has closed the connection` });
  connection.close();
  await assert.rejects(it.ask(), { message: `${name} has closed the connection` });
  await using other = await rig(() => {});
  const answer = other.ask();
  assert.equal(other.connection.isOpen, true);
  other.connection.close();
  const message = `the connection to ${other.name} was closed`;
  await assert.rejects(answer, { kind: "unavailable", message });
  await assert.rejects(other.ask(), { kind: "unavailable", message });
});

Deno.test("a broker may be silent as long as it was asked to wait, and then for a while", async () => {
  const clock = new HandClock();
  await using it = await rig(() => {}, clock);
  clock.sleeps.length = 0;
  const answer = it.ask({ waitMs: 500 });
  await clock.wake();
  assert.deepEqual(clock.sleeps, [500, 20_000]);
  await clock.wake();
  await assert.rejects(answer, { message: `${it.name} has not answered for 20 seconds` });
  assert.equal(it.connection.isOpen, false);
});

Deno.test("an answer that comes in pieces is waited for, up to a minute", async () => {
  const clock = new HandClock();
  const held: Request[] = [];
  const asked = Promise.withResolvers<void>();
  await using it = await rig((request) => {
    held.push(request);
    asked.resolve();
  }, clock);
  const piece = { pieces: 0 };
  clock.sleeps.length = 0;
  const answer = it.ask({ silenceMs: 15_000, maxBytes: 1000 });
  await asked.promise;
  await clock.wake();
  const bytes = framed(held[0]!.id, new Uint8Array(100));
  for (; piece.pieces < 4; piece.pieces++) {
    const socket = it.connection["socket" as keyof BrokerConnection] as unknown as NodeJS.EventEmitter;
    const came = new Promise((resolve) => socket.once("data", resolve));
    held[0]!.send(bytes.subarray(piece.pieces, piece.pieces + 1));
    await came;
    assert.equal(it.connection.isOpen, true);
    await clock.wake();
  }
  await assert.rejects(answer, {
    kind: "unavailable",
    message: `${it.name} has sent only a part of an answer in 60 seconds: is the network slow?`,
  });
  assert.deepEqual(clock.sleeps, [0, 15_000, 15_000, 15_000, 15_000]);
});

Deno.test("a broker that refuses to tell its versions is told of, and one that is not there", async () => {
  await using broker = await ScriptedBroker.start(({ answer }) => answer(versionsAnswer([], 35)));
  const { host, port } = broker.address;
  await assert.rejects(BrokerConnection.open({ host, port }, OPEN, STILL, NEVER), {
    kind: "refused",
    message:
      `the broker at ${host}:${port}: the broker answers UNSUPPORTED_VERSION: Kafka 0.11 or newer is needed`,
  });
  assert.deepEqual(
    broker.requests.map(({ key, version, client, body }) => [key, version, client, body.length]),
    [
      [API_VERSIONS, 0, "vabus-data-handler", 0],
    ],
  );
  await broker[Symbol.asyncDispose]();
  await assert.rejects(BrokerConnection.open({ host, port }, OPEN, STILL, NEVER), {
    kind: "unavailable",
    message: new RegExp(`^the broker at ${host}:${port} cannot be reached: `),
  });
});

Deno.test("a login goes over the wire as Kafka has it, and what is wrong with it is told without it", async () => {
  const login = { mechanism: "plain", username: "me", password: "secret" } as const;
  const errors = new Map<number, number>();
  await using broker = await ScriptedBroker.start(({ key, answer }) => {
    const writer = new WireWriter(false);
    if (key === API_VERSIONS) return answer(versionsAnswer([[1, 5]]));
    writer.int16(errors.get(key) ?? 0);
    if (key === HANDSHAKE) writer.array(["PLAIN"], (one) => writer.string(one));
    else writer.string("secret").block(new Uint8Array(0));
    answer(writer.written);
  });
  const open = () => BrokerConnection.open(broker.address, { tls: undefined, login }, STILL, NEVER);
  (await open()).close();
  const [, handshake, authenticate] = broker.requests;
  assert.deepEqual([handshake!.key, handshake!.version], [HANDSHAKE, 1]);
  assert.equal(new WireReader(handshake!.body, false).string(), "PLAIN");
  assert.deepEqual([authenticate!.key, authenticate!.version], [AUTHENTICATE, 0]);
  const token = new WireReader(authenticate!.body, false).block()!;
  assert.equal(Buffer.from(token).toString(), "\0me\0secret");
  for (
    const [key, error, said] of [
      [AUTHENTICATE, 58, "SASL_AUTHENTICATION_FAILED"],
      [HANDSHAKE, 33, "UNSUPPORTED_SASL_MECHANISM"],
    ] as const
  ) {
    errors.set(key, error);
    await assert.rejects(open(), ({ kind, message }) => {
      assert.equal(kind, "refused");
      assert.match(message, new RegExp(`the broker answers ${said}`));
      assert.doesNotMatch(message, /secret/);
      return true;
    });
  }
});

Deno.test("a broker that proves nothing about the password is refused", async () => {
  const login = { mechanism: "scram-sha-256", username: "me", password: "secret" } as const;
  await using broker = await ScriptedBroker.start(({ key, answer }) => {
    if (key === API_VERSIONS) return answer(versionsAnswer([[1, 5]]));
    const writer = new WireWriter(false).int16(0);
    if (key === HANDSHAKE) writer.array([], () => {});
    else writer.string(undefined).block(Buffer.from("r=another,s=c2FsdA==,i=4096"));
    answer(writer.written);
  });
  const { host, port } = broker.address;
  await assert.rejects(BrokerConnection.open({ host, port }, { tls: undefined, login }, STILL, NEVER), {
    kind: "refused",
    message: `the broker at ${host}:${port}: what the broker answers to the login is no SCRAM`,
  });
  await until(() => broker.connectionCount === 0, "the end of the connection");
});

Deno.test("a broker that closes at once may want a certificate, where there is TLS and none is given", async () => {
  await using plain = await ScriptedBroker.start(({ end }) => end());
  const away = (port: number) => `the broker at 127.0.0.1:${port} has closed the connection`;
  await assert.rejects(BrokerConnection.open(plain.address, OPEN, STILL, NEVER), {
    kind: "unavailable",
    message: away(plain.address.port),
  });
  await using directory = await temporaryDirectory();
  const authority = await Authority.create(directory.path, "authority");
  const { certFile, keyFile } = await authority.sign("broker", ["IP:127.0.0.1"]);
  const [ca, cert, key] = [authority.caFile, certFile, keyFile].map((path) => Deno.readTextFileSync(path));
  const server = createServer({ cert: cert!, key: key! }, (socket) => socket.on("data", () => socket.end()));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = server.address() as AddressInfo;
    const open = (own: Partial<TlsConfig>) =>
      BrokerConnection.open(
        { host: "127.0.0.1", port },
        { tls: { ca, cert: undefined, key: undefined, ...own }, login: undefined },
        STILL,
        NEVER,
      );
    await assert.rejects(open({}), {
      kind: "unavailable",
      message: `${away(port)}: if it wants a certificate of the client, give VABUS_CERT_FILE and ` +
        "VABUS_KEY_FILE",
    });
    await assert.rejects(open({ cert, key }), { kind: "unavailable", message: away(port) });
  } finally {
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
});
