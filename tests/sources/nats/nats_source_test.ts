/** Streams of a real NATS, as a source. */
import assert from "node:assert/strict";
import { UpstreamTraces } from "../../../src/event/upstream_traces.ts";
import { readerFor } from "../../../src/codec/mapping/record_reader.ts";
import { SourceError } from "../../../src/contract/source.ts";
import { loginOfCredentials } from "../../../src/sources/nats/nats_login.ts";
import type { NatsSourceOptions } from "../../../src/sources/nats/nats_source.ts";
import { NatsKey } from "../../../src/sources/nats/nkey.ts";
import { events, namesOf, Reading } from "../../contract/source_reading.ts";
import { Authority } from "../../support/certificates.ts";
import { temporaryDirectory } from "../../support/executable.ts";
import { freePort } from "../../support/free_port.ts";
import { NatsServerProcess } from "../../support/nats_server.ts";
import { NatsStream } from "./nats_stream.ts";
import { UnawareConsumers } from "./unaware_consumers.ts";

const NEVER = new AbortController().signal;
/** Made for these tests. */
const SEED = "SUAABIW5YA24WYKMYS6BFHVHDQ6GMXZ3SPQ3YKIJO2OTOEUFPOXQ73DUJE";

function messagesOf(from: number, to: number, subject = "e") {
  return Array.from({ length: to - from }, (_, i) => ({
    subject,
    body: JSON.stringify({ name: `e${from + i}`, value: from + i, timestamp: 1000 }),
  }));
}

async function withSource(
  stream: NatsStream,
  test: (reading: Reading) => Promise<void>,
  options: Partial<NatsSourceOptions> = {},
): Promise<void> {
  const source = stream.createSource(options);
  try {
    await test(await Reading.open(source));
  } finally {
    await source.close();
  }
}

function numbersIn(all: readonly (string | number)[]): number[] {
  return all.filter((one): one is number => typeof one === "number");
}

function namesIn(all: readonly (string | number)[]): string[] {
  return all.filter((one): one is string => typeof one === "string");
}

Deno.test("streams of NATS: messages as records, and what is gone", async (t) => {
  await using server = await NatsServerProcess.start();
  const step = (name: string, test: (stream: NatsStream) => Promise<void>, config: object = {}) =>
    t.step(name, async () => {
      const stream = await NatsStream.create(server, config);
      await test(stream);
      await stream.remove();
    });

  await step(
    "name, label and time come from subject and server where the mapping says so",
    async (stream) => {
      await stream.publish({ subject: "line1.temp", body: "21.5" });
      const reader = readerFor({ format: "value", name: "{topic[2]}", labels: "line:{topic[1]}" });
      await withSource(stream, async (reading) => {
        assert.equal((await reading.read()).kind, "events");
        const { batch } = reading;
        assert.match(namesOf(batch)[0]!, /^temp.*line":"line1/s);
        const { busMs, ...origin } = batch.originOf!(0);
        assert.deepEqual(origin, {
          offset: 1,
          topic: `${stream.name}.line1.temp`,
          separator: ".",
          key: undefined,
        });
        assert.equal(batch.timeMs[0], busMs);
      }, { reader });
    },
  );

  await step(
    "a message without a payload, garbage and one that is too long cost nothing beside them",
    async (stream) => {
      await stream.publish(
        ...messagesOf(0, 1),
        { body: "" },
        ...messagesOf(1, 2),
        { body: "x".repeat(7_900_000) },
        { body: "{" },
        ...messagesOf(2, 3),
      );
      await withSource(stream, async (reading) => {
        const [details, names]: [string[], string[]] = [[], []];
        while ((await reading.read()).kind === "events") {
          names.push(...namesOf(reading.batch));
          for (const invalid of reading.batch.invalid) {
            details.push(invalid.detail);
            assert.ok(reading.batch.rawOfInvalid(invalid).length <= 64 * 1024);
          }
        }
        assert.deepEqual(names, events(0, 3));
        assert.equal(details.length, 3);
        assert.equal(details[0], "a message without a payload");
        assert.equal(details[1], "a record of 7900000 bytes, of which 1048576 are allowed");
      });
    },
  );

  await step(
    "a header that looks like a status of the server is a message's all the same, and its trace is noted",
    async (stream) => {
      const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
      const header = `NATS/1.0 404 No Messages\r\nother: x\r\nTraceparent: ${traceparent}\r\n\r\n`;
      const [first, second] = messagesOf(0, 2).map(({ body }) => body) as [string, string];
      const bytes = new TextEncoder().encode(
        `CONNECT {"headers":true}\r\nHPUB ${stream.name}.e ${header.length} ${
          header.length + first.length
        }\r\n` +
          `${header}${first}\r\nPING\r\n`,
      );
      using socket = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
      await socket.write(bytes);
      let heard = "";
      for await (const piece of socket.readable) {
        heard += new TextDecoder().decode(piece);
        if (heard.includes("PONG")) break;
      }
      await stream.publish({ body: second });
      await withSource(stream, async (reading) => {
        reading.batch.upstream = new UpstreamTraces();
        assert.deepEqual(await reading.readAll(), events(0, 2));
        assert.deepEqual(reading.batch.upstream.texts(), [traceparent]);
      });
    },
  );

  await step(
    "messages that are gone in the middle, at the beginning and at the end are counted",
    async (stream) => {
      await stream.publish(...messagesOf(0, 12));
      await withSource(stream, async (reading) => {
        await reading.read();
        await stream.deleteMessage(7);
        const all = await reading.readAll();
        assert.deepEqual([namesIn(all), numbersIn(all)], [[...events(4, 6), ...events(7, 12)], [1]]);
        await stream.publish(...messagesOf(12, 15));
        await stream.trimBefore(15);
        assert.deepEqual(await reading.readAll(), [2, "e14"]);
        await stream.publish(...messagesOf(15, 17));
        await stream.trimBefore(18);
        assert.deepEqual(await reading.readAll(), [2]);
        await stream.publish(...messagesOf(17, 18));
        assert.deepEqual(await reading.readAll(), ["e17"]);
      });
    },
  );

  await step(
    "messages of other subjects are no gaps, whatever is removed of them once they were passed",
    async (stream) => {
      for (let i = 0; i < 5; i++) {
        await stream.publish(
          ...messagesOf(i, i + 1, "a.x"),
          ...messagesOf(100, 104, "b"),
        );
      }
      await withSource(stream, async (reading) => {
        assert.deepEqual(await reading.readAll(), events(0, 5));
        await stream.publish(...messagesOf(200, 230, "b"));
        assert.deepEqual(await reading.readAll(), []);
        assert.match(reading.progress.position!, /^55 \d+$/);
        await stream.trimBefore(50);
        await stream.publish(...messagesOf(5, 6, "a.y"));
        assert.deepEqual(await reading.readAll(), ["e5"]);
        // Of what is removed unread, nobody knows the subject.
        await stream.publish(...messagesOf(300, 303, "b"), ...messagesOf(6, 8, "a.y"));
        await stream.trimBefore(60);
        assert.deepEqual(await reading.readAll(), [3, ...events(6, 8)]);
      }, stream.choose("a.*", "c"));
    },
  );

  await step("pull after pull asks one consumer as long as it has messages", async (stream) => {
    const consumers = new UnawareConsumers();
    await stream.publish(...messagesOf(0, 9));
    await withSource(stream, async (reading) => {
      for (let i = 0; i < 3; i++) assert.equal((await reading.read({ limit: 3 })).kind, "events");
      assert.equal(consumers.count, 1);
    }, { access: { tls: undefined, login: undefined, connect: consumers.connect } });
  });

  await step("a message that its consumer does not know of yet is not passed over", async (stream) => {
    const consumers = new UnawareConsumers();
    const access = { tls: undefined, login: undefined, connect: consumers.connect };
    for (const choice of [stream.choose("a.*").choice, stream.choose().choice]) {
      await stream.publish(...messagesOf(0, 1, "a.x"));
      await withSource(stream, async (reading) => {
        await reading.readAll();
        consumers.tellNothing();
        await stream.publish(...messagesOf(1, 2, "a.y"), ...messagesOf(2, 3, "a.x"));
        assert.deepEqual(await reading.readAll(), events(1, 3));
        consumers.tellNothing();
        await stream.publish(...messagesOf(3, 4, "a.y"));
        await stream.trimBefore(Number(reading.progress.position!.split(" ")[0]) + 2);
        assert.deepEqual(await reading.readAll(), [1]);
      }, { access, choice });
    }
  });

  await step("a filter that lets all subjects of the stream through counts exactly", async (stream) => {
    await stream.publish(...messagesOf(0, 9));
    await withSource(stream, async (reading) => {
      await reading.read();
      await stream.deleteMessage(6);
      const all = await reading.readAll();
      assert.deepEqual([namesIn(all), numbersIn(all)], [[...events(4, 5), ...events(6, 9)], [1]]);
    }, stream.choose(">"));
  });

  await step("limits of the stream while nobody reads", async (stream) => {
    await stream.publish(...messagesOf(0, 8));
    await withSource(stream, async (reading) => {
      // What was gone before the source was new is not missed.
      assert.deepEqual(await reading.readAll(), events(3, 8));
      await stream.publish(...messagesOf(8, 20));
      assert.deepEqual(await reading.readAll(), [7, ...events(15, 20)]);
    });
  }, { max_msgs: 5 });

  await step("start=newest: what was there is left out, what comes is not", async (stream) => {
    await stream.publish(...messagesOf(0, 3));
    await withSource(stream, async (reading) => {
      assert.deepEqual(await reading.readAll(), []);
      await stream.publish(...messagesOf(3, 5));
      assert.deepEqual(await reading.readAll(), events(3, 5));
    }, { startsAtEnd: true });
  });

  await step(
    "a stream that is missing is waited for; what is known to be unread is lost with it",
    async (stream) => {
      await stream.publish(...messagesOf(0, 10));
      await withSource(stream, async (reading) => {
        await reading.read();
        await stream.makeAgain();
        await stream.publish(...messagesOf(10, 11));
        const outcome = await reading.read();
        assert.ok(outcome.kind === "restarted");
        assert.equal(outcome.lost, 6);
        assert.deepEqual(await reading.readAll(), ["e10"]);
      });
      const missing = stream.createSource({ choice: { stream: "no", subjects: [], domain: undefined } });
      await assert.rejects(missing.probe(NEVER), (error) => {
        assert.ok(error instanceof SourceError && error.kind === "unavailable");
        return /there is no stream no, or not any more: waiting for it/.test(error.message);
      });
    },
  );

  await step(
    "a cluster at another address goes on where it was left, and none is read twice",
    async (stream) => {
      await stream.publish(...messagesOf(0, 3));
      await withSource(stream, async (reading) => {
        await reading.readAll();
        const known = reading.progress.lineage;
        const gone = { host: "127.0.0.1", port: freePort() };
        const source = stream.createSource({ name: "nats://elsewhere/S", servers: [gone, server.address] });
        const lineages = { readerOf: () => undefined, isKnown: (lineage: string) => lineage === known };
        const moved = await Reading.open(source, undefined, { lineages });
        assert.deepEqual(await moved.look(), { kind: "moved", lineage: known });
        const reader = { name: "another", lineageNow: () => Promise.resolve(known!) };
        const twice = await Reading.open(source, undefined, {
          lineages: { ...lineages, readerOf: () => reader },
        });
        await assert.rejects(
          twice.look(),
          /it is the same as another: name this stream only once in VABUS_URL/,
        );
        await source.close();
      });
    },
  );
});

Deno.test("a NATS that comes back without its last messages is gone on with behind the others", async () => {
  await using server = await NatsServerProcess.start();
  const stream = await NatsStream.create(server);
  await stream.publish(...messagesOf(0, 6));
  stream.leave();
  for (const refilled of [1, 9]) {
    await withSource(stream, async (reading) => {
      await server.undo(async () => {
        const later = await NatsStream.create(server, {}, stream.name);
        await later.publish(...messagesOf(6, 10));
        later.leave();
        assert.deepEqual(await reading.readAll(), events(0, 10));
      });
      const after = await NatsStream.create(server, {}, stream.name);
      await after.publish(...messagesOf(20, 20 + refilled));
      after.leave();
      // The connection may be known to be gone already.
      const outcome = await reading.read().catch(() => reading.read());
      assert.ok(outcome.kind === "returned");
      assert.equal(outcome.doubtful, 0);
      assert.deepEqual(await reading.readAll(), events(20, 20 + refilled));
      await server.undo(() => Promise.resolve());
    });
    const again = await NatsStream.create(server, {}, stream.name);
    await again.makeAgain();
    await again.publish(...messagesOf(0, 6));
    again.leave();
  }
});

Deno.test("logins at NATS: token, user, key, rights, and what is wrong with each", async (t) => {
  const key = NatsKey.ofSeed(SEED)!;
  const settings = `
    accounts: {
      A: {
        jetstream: enabled
        users: [
          { user: admin, password: "nats-secret" }
          { nkey: ${key.publicKey} }
          { user: plant, password: "plant-secret", permissions: {
            publish: ["$JS.API.STREAM.INFO.S", "$JS.API.CONSUMER.CREATE.S.>", "$JS.API.CONSUMER.MSG.NEXT.S.>",
              "$JS.API.CONSUMER.DELETE.S.>"]
            subscribe: ["_INBOX.>"]
          } }
          { user: none, password: "none-secret", permissions: { publish: ["x"], subscribe: ["_INBOX.>"] } }
        ]
      }
    }`;
  const user = (username: string, password: string) => ({ kind: "user", username, password }) as const;
  await using server = await NatsServerProcess.start({ settings, login: user("admin", "nats-secret") });
  const stream = await NatsStream.create(server, {}, "S");
  await stream.publish(...messagesOf(0, 2));
  const probe = async (
    login: NatsSourceOptions["access"]["login"],
    tls?: NatsSourceOptions["access"]["tls"],
  ) => {
    try {
      return await stream.createSource({ access: { login, tls } }).probe(NEVER);
    } catch (error) {
      assert.ok(error instanceof SourceError, `${error}`);
      assert.doesNotMatch(error.message, /secret/);
      return `${error.kind} ${error.message}`;
    }
  };
  await t.step("a user with the rights of the documents, and a key", async () => {
    assert.equal(await probe(user("plant", "plant-secret")), "NATS, stream S has 2 messages");
    assert.equal(await probe({ kind: "key", key, jwt: undefined }), "NATS, stream S has 2 messages");
  });
  await t.step("what does not fit is named", async () => {
    assert.match(
      await probe(user("plant", "wrong-secret")),
      /^refused .*Authorization Violation.*check user/,
    );
    assert.match(await probe(undefined), /^refused .*Authorization Violation/);
    assert.match(
      await probe(user("none", "none-secret")),
      /^refused .*Permissions Violation.*grant the user/,
    );
    const none = { ca: undefined, cert: undefined, key: undefined };
    assert.match(
      await probe(user("plant", "plant-secret"), none),
      /^refused .*has no TLS: give VABUS_URL as nats:/,
    );
  });
  stream.leave();
  await t.step("a token", async () => {
    const token = { kind: "token", token: "a-token" } as const;
    await using other = await NatsServerProcess.start({
      settings: "authorization { token: a-token }",
      login: token,
    });
    const own = await NatsStream.create(other);
    assert.match(
      await own.createSource({ access: { tls: undefined, login: token } }).probe(NEVER),
      /^NATS, stream/,
    );
    await own.remove();
  });
});

Deno.test("what is in a credentials file", () => {
  const wrapped = (jwt: string, seed: string) =>
    `-----BEGIN NATS USER JWT-----\n${jwt}\n------END NATS USER JWT------\n\n*** IMPORTANT ***\n\n` +
    `-----BEGIN USER NKEY SEED-----\n${seed}\n------END USER NKEY SEED------\n`;
  const found = loginOfCredentials(wrapped("a.b.c", SEED));
  assert.ok(found?.kind === "key");
  assert.equal(found.jwt, "a.b.c");
  const bare = loginOfCredentials(`${SEED}\n`);
  assert.ok(bare?.kind === "key" && bare.jwt === undefined);
  assert.match(bare.key.publicKey, /^U[A-Z2-7]{55}$/);
  for (
    const wrong of [
      "",
      "SUAA",
      `${SEED.slice(0, -1)}A`,
      wrapped("a.b.c", "SU"),
      "-----BEGIN NATS USER JWT-----",
    ]
  ) {
    assert.equal(loginOfCredentials(wrong), undefined);
  }
});

Deno.test("NATS with TLS: the certificate is checked, and a client may show its own", async () => {
  await using directory = await temporaryDirectory();
  const authority = await Authority.create(directory.path, "plant");
  const own = await authority.sign("server", ["IP:127.0.0.1"]);
  const client = await authority.sign("client", []);
  const text = (path: string) => Deno.readTextFile(path);
  const tls = {
    ca: await text(authority.caFile),
    cert: await text(client.certFile),
    key: await text(client.keyFile),
  };
  const files = `cert_file: "${own.certFile}", key_file: "${own.keyFile}", ca_file: "${authority.caFile}"`;
  const settings = `tls { ${files}, verify: true }`;
  await using server = await NatsServerProcess.start({ settings, tls });
  const stream = await NatsStream.create(server);
  await stream.publish(...messagesOf(0, 3));
  const access = { login: undefined, tls };
  await withSource(stream, async (reading) => assert.deepEqual(await reading.readAll(), events(0, 3)), {
    access,
  });
  const failure = async (wrong: NatsSourceOptions["access"]["tls"]) => {
    const source = stream.createSource({ access: { login: undefined, tls: wrong } });
    return await source.probe(NEVER).catch((error) => `${error.kind} ${error.message}`);
  };
  assert.match(await failure(undefined), /^refused .*wants TLS: give VABUS_URL as natss:/);
  assert.match(
    await failure({ ca: undefined, cert: undefined, key: undefined }),
    /^refused .*check VABUS_CA_FILE/,
  );
  await stream.remove();
});
