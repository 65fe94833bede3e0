/** Hostile servers that a sink connects to: what they can do to this process, and what they get from it. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { toKafkaSinkError } from "../../src/sinks/kafka/kafka_errors.ts";
import { type KafkaConnectionOptions, KafkaSession } from "../../src/sinks/kafka/kafka_session.ts";
import { PostgresClient } from "../../src/sinks/postgres/postgres_client.ts";
import { SinkError } from "../../src/contract/sink.ts";
import { Authority } from "../support/certificates.ts";
import { type Conversation, HostileServer, type Part, type Tls } from "../support/hostile_server.ts";
import { postgresConnection } from "../support/postgres_connection.ts";
import { SILENT } from "../support/logs.ts";

const NEVER = new AbortController().signal;
const MIB = 1024 * 1024;
/** Beyond what a client has before: nothing of what is announced or poured is kept. */
const GROWTH_MAX_BYTES = 200 * MIB;
const SECRET = "the-password";

/** As many bytes as the client takes, 2 GB at most. */
async function pour(conversation: Conversation): Promise<void> {
  const piece = Buffer.alloc(MIB, 0x41);
  for (let mib = 0; mib < 2000; mib++) if (!await conversation.say(piece)) return;
}

function announcing(head: Buffer): Part {
  return async (conversation) => {
    await conversation.listen();
    await conversation.say(head);
    await pour(conversation);
  };
}

/** Asked for TLS it says no, so that the client goes on without. */
function plainPostgres(part: Part): Part {
  return async (conversation) => {
    const first = await conversation.listen();
    if (first.length === 8) {
      await conversation.say(Buffer.from("N"));
      await conversation.listen();
    }
    await part(conversation);
  };
}

function message(type: string, content: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeUInt32BE(content.length + 4, 1);
  return Buffer.concat([head, content]);
}

function int16(value: number): Buffer {
  return Buffer.from([value >> 8, value]);
}

function int32(value: number): Buffer {
  return Buffer.concat([int16(value >> 16), int16(value)]);
}

async function postgresError(
  port: number,
  parameters = "sslmode=disable",
  connectTimeoutSeconds = 5,
): Promise<SinkError> {
  const url =
    `postgres://vabus:${SECRET}@127.0.0.1:${port}/plant?connect_timeout=${connectTimeoutSeconds}&${parameters}`;
  const client = new PostgresClient(postgresConnection(url), 0, SILENT);
  try {
    await client.query("a question", NEVER, (sql) => sql`select 1`);
  } catch (error) {
    assert.ok(error instanceof SinkError, `${error}`);
    return error;
  } finally {
    await client.close();
  }
  assert.fail("the hostile server was believed");
}

async function growthOf(work: () => Promise<void>): Promise<number> {
  const before = Deno.memoryUsage().rss;
  let peak = before;
  const timer = setInterval(() => peak = Math.max(peak, Deno.memoryUsage().rss), 5);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  return Math.max(peak, Deno.memoryUsage().rss) - before;
}

const POSTGRES_PARTS: Record<string, Part> = {
  "a message of 2 GB": async (conversation) => {
    await conversation.say(Buffer.from([0x45, 0x7f, 0xff, 0xff, 0xff]));
    await pour(conversation);
  },
  "notices without end": async (conversation) => {
    const notice = message(
      "N",
      Buffer.concat([Buffer.from("M"), Buffer.alloc(60_000, 0x42), Buffer.alloc(2)]),
    );
    while (await conversation.say(notice));
  },
  "parameters without end": async (conversation) => {
    for (let i = 0; await conversation.say(message("S", Buffer.from(`p${i}\0${"v".repeat(1000)}\0`))); i++);
  },
  "nothing that is PostgreSQL": pour,
};

const READY = message("Z", Buffer.from("I"));

/** After it has let the client in without a question. */
const POSTGRES_PARTS_BEHIND_THE_LOGIN: Record<string, Buffer> = {
  "rows that nobody has asked for": message("D", Buffer.concat([int16(1), int32(1), Buffer.from("x")])),
  "a row with fewer columns than were described": Buffer.concat([
    message("T", Buffer.concat([int16(3), ...Array(3).fill(Buffer.from("c".padEnd(20, "\0").slice(0, 20)))])),
    message("D", Buffer.concat([int16(1), int32(1), Buffer.from("x")])),
  ]),
  "that it is ready, without an answer": Buffer.concat(Array.from({ length: 1000 }, () => READY)),
};

for (const [what, part] of Object.entries(POSTGRES_PARTS)) {
  Deno.test(`PostgreSQL: a server that says ${what} before the login is left, with words`, async () => {
    await using server = await HostileServer.start(plainPostgres(part));
    const growth = await growthOf(async () => {
      const { kind, message } = await postgresError(server.port);
      assert.equal(kind, "unavailable");
      assert.match(message, new RegExp(`127.0.0.1:${server.port} .*Is this a PostgreSQL`));
    });
    assert.ok(growth < GROWTH_MAX_BYTES, `${growth / MIB} MiB`);
    assert.deepEqual(server.faults, []);
  });
}

for (const [what, answer] of Object.entries(POSTGRES_PARTS_BEHIND_THE_LOGIN)) {
  Deno.test(`PostgreSQL: a server that says ${what} behind the login is left, with words`, async () => {
    await using server = await HostileServer.start(plainPostgres(async (conversation) => {
      await conversation.say(Buffer.concat([message("R", int32(0)), READY]));
      await conversation.listen();
      await conversation.say(answer);
      while ((await conversation.listen()).length > 0);
    }));
    const { kind, message: words } = await postgresError(server.port);
    assert.equal(kind, "unavailable");
    assert.match(words, new RegExp(`127.0.0.1:${server.port} .*Is this a PostgreSQL`));
  });
}

Deno.test("PostgreSQL: over TLS it is the decrypted bytes that are bounded", async () => {
  const directory = await Deno.makeTempDir({ prefix: "vabus-hostile-" });
  try {
    const tls = await certificateIn(directory);
    await using server = await HostileServer.start(
      announcing(Buffer.from([0x45, 0x7f, 0xff, 0xff, 0xff])),
      tls,
    );
    const growth = await growthOf(async () => {
      const { message } = await postgresError(server.port, "sslmode=require&sslnegotiation=direct");
      assert.match(message, /Is this a PostgreSQL/);
    });
    assert.ok(growth < GROWTH_MAX_BYTES, `${growth / MIB} MiB`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("PostgreSQL: one that begins a message and never ends it is left when the time for connecting is up", async () => {
  await using server = await HostileServer.start(plainPostgres(async (conversation) => {
    await conversation.say(message("N", Buffer.alloc(50_000, 0x41)).subarray(0, 1000));
    while ((await conversation.listen()).length > 0);
  }));
  const { kind } = await postgresError(server.port, undefined, 1);
  assert.ok(["unavailable", "timed_out"].includes(kind), kind);
});

Deno.test("PostgreSQL: a foreign server that asks for the password in clear text does not get it", async () => {
  const address = [...Deno.networkInterfaces()].find(({ family, address }) =>
    family === "IPv4" && !address.startsWith("127.")
  )?.address;
  // Without another address than loopback there is nobody to be foreign; the rule itself has a test of its
  // own.
  if (address === undefined) return;
  const demand = Buffer.alloc(4);
  demand.writeUInt32BE(3);
  await using server = await HostileServer.start(
    plainPostgres(async (conversation) => {
      await conversation.say(message("R", demand));
      while ((await conversation.listen()).length > 0);
    }),
    undefined,
    "0.0.0.0",
  );
  const url = `postgres://vabus:${SECRET}@${address}:${server.port}/plant`;
  const client = new PostgresClient(postgresConnection(url), 0, SILENT);
  await assert.rejects(
    client.query("a question", NEVER, (sql) => sql`select 1`),
    (error) =>
      error instanceof SinkError && error.kind === "misconfigured" && /verify-full/.test(error.message),
  );
  await client.close();
  const heard = server.conversations.flatMap(({ heard }) =>
    heard.map((bytes) => Buffer.from(bytes).toString("latin1"))
  );
  assert.ok(heard.some((text) => text.includes("vabus")), "it was not asked at all");
  assert.ok(!heard.some((text) => text.includes(SECRET)), "the password went out");
});

async function kafkaError(
  port: number,
  options: Partial<KafkaConnectionOptions> = {},
): Promise<Error> {
  const session = new KafkaSession(
    { bootstrapServers: [`localhost:${port}`], ...options },
    undefined,
    SILENT,
  );
  // kafkajs would go on for some seconds.
  const timer = setTimeout(() => void session.close(), 3000);
  try {
    await session.admin.connect();
  } catch (error) {
    return error as Error;
  } finally {
    clearTimeout(timer);
    await session.close();
  }
  assert.fail("the hostile server was believed");
}

for (const isTls of [false, true]) {
  Deno.test(`Kafka${isTls ? " over TLS" : ""}: a broker that announces 2 GB before the login is left, with words`, async () => {
    const directory = await Deno.makeTempDir({ prefix: "vabus-hostile-" });
    try {
      const tls = isTls ? await certificateIn(directory) : undefined;
      await using server = await HostileServer.start(announcing(Buffer.from([0x7f, 0xff, 0xff, 0xff])), tls);
      const growth = await growthOf(async () => {
        const { message } = await kafkaError(server.port, tls && { ssl: { ca: tls.ca } });
        assert.match(message, /announces an answer of 2147483647 bytes|closed/);
      });
      assert.ok(growth < GROWTH_MAX_BYTES, `${growth / MIB} MiB`);
      assert.ok(server.conversations.length > 0);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
}

/** A broker up to the challenge of SCRAM, whose parts it says as it is told to. */
function challenging(challenge: (nonce: string) => string): Part {
  const answers: Record<number, (request: Buffer) => Buffer> = {
    // ApiVersions: it knows this and the two requests of a login, in their first two versions.
    18: () => Buffer.concat([int16(0), int32(3), ...[18, 17, 36].map((key) => versions(key, 1)), int32(0)]),
    // SaslHandshake.
    17: () => Buffer.concat([int16(0), int32(1), int16(13), Buffer.from("SCRAM-SHA-512")]),
    // SaslAuthenticate.
    36: (request) => {
      const text = Buffer.from(challenge(/r=([^,]+)/.exec(request.toString("latin1"))![1]!));
      return Buffer.concat([int16(0), int16(-1), int32(text.length), text, Buffer.alloc(8)]);
    },
  };
  return async (conversation) => {
    for (let piece; (piece = await conversation.listen()).length > 0;) {
      const request = Buffer.from(piece);
      const content = Buffer.concat([request.subarray(8, 12), answers[request.readInt16BE(4)]!(request)]);
      await conversation.say(Buffer.concat([int32(content.length), content]));
    }
  };
}

const versions = (key: number, newest: number) => Buffer.concat([int16(key), int16(0), int16(newest)]);

for (
  const challenge of [
    (nonce: string) => `r=${nonce}more,s=c2FsdA==,i=2147483647`,
    (nonce: string) => `i=2000000000,s=c2FsdA==,r=${nonce}more`,
    (nonce: string) => `r=${nonce}more,s=c2FsdA==,i= +1000001`,
  ]
) {
  Deno.test(`Kafka: a broker that asks for endless computing, ${challenge("…")}, is left, with words`, async () => {
    await using server = await HostileServer.start(challenging(challenge));
    const sasl = { mechanism: "scram-sha-512", username: "vabus", password: SECRET } as const;
    const error = await kafkaError(server.port, { sasl });
    const { kind, message } = toKafkaSinkError(error, "broker");
    assert.match(message, /asks for \d{7,} iterations of SCRAM/);
    assert.equal(kind, "misconfigured");
    assert.deepEqual(server.faults, []);
  });
}

async function certificateIn(directory: string): Promise<Tls & { ca: string }> {
  const authority = await Authority.create(directory, "authority");
  const { certFile, keyFile } = await authority.sign("server", ["DNS:localhost", "IP:127.0.0.1"]);
  const [cert, key, ca] = await Promise.all(
    [certFile, keyFile, authority.caFile].map((file) => Deno.readTextFile(file)),
  );
  return { cert: cert!, key: key!, ca: ca! };
}
