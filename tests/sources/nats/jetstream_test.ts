/** The requests of JetStream: what is asked, and what each answer means. */
import assert from "node:assert/strict";
import { type ConsumerStart, JetStream, type StreamChoice } from "../../../src/sources/nats/jetstream.ts";
import { NatsConnection } from "../../../src/sources/nats/nats_connection.ts";
import { errorOf } from "../file/written_files.ts";
import { ADDRESS, FakeNats, StandingClock } from "./fake_nats.ts";

const NEVER = new AbortController().signal;

function rig(choice: Partial<StreamChoice> = {}) {
  const server = new FakeNats();
  const access = { tls: undefined, login: undefined, connect: server.connect };
  const open = () => NatsConnection.open(ADDRESS, access, new StandingClock(), NEVER);
  const whole = { stream: "S", subjects: [], domain: undefined, ...choice };
  const api = async () => new JetStream(await open(), whole);
  return { api, server };
}

/** What is said of the stream, with another part. */
function saying(server: FakeNats, part: object, state: object = {}): void {
  const info = server.info(false);
  const said = { ...info, ...part, state: { ...info.state as object, ...state } };
  server.answers = () => JSON.stringify(said);
}

Deno.test("what a server says of its stream, with and without what is gone", async () => {
  const { api, server } = rig();
  const stream = await api();
  const empty = {
    created: "2026-01-01T00:00:00Z",
    begin: 1,
    first: 1,
    last: 0,
    messages: 0,
    deletedCount: 0,
    deleted: [],
    subjects: ["S.>"],
    nowMs: Date.parse("2026-01-02T00:00:00Z"),
  };
  assert.deepEqual(await stream.streamInfo(), empty);
  server.add(0, 6);
  server.remove(1, 3, 4);
  const some = { ...empty, first: 2, last: 6, messages: 3, deletedCount: 2 };
  assert.deepEqual(await stream.streamInfo(), some);
  assert.deepEqual(await stream.streamInfo(true), { ...some, deleted: [3, 4] });
  server.remove(2, 5, 6);
  assert.deepEqual(await stream.streamInfo(), { ...empty, first: 7, last: 6 });
  assert.deepEqual(server.asked.map(([, body]) => body), ["", "", '{"deleted_details":true}', ""]);
  saying(server, { ts: "soon", config: {} }, { num_deleted: undefined });
  assert.deepEqual(await stream.streamInfo(), {
    ...empty,
    subjects: [],
    nowMs: undefined,
    first: 7,
    last: 6,
  });
  saying(server, { ts: undefined }, { num_deleted: 2 });
  const { deletedCount, nowMs } = await stream.streamInfo();
  assert.deepEqual([deletedCount, nowMs], [2, undefined]);
});

Deno.test("where a stream begins, how long it keeps consumers, and one that loses what is read", async () => {
  const { api, server } = rig();
  const stream = await api();
  const limits = { inactive_threshold: 60_000_000_000 };
  const expiries: number[] = [];
  for (const config of [{}, { first_seq: 0 }, { first_seq: 1000, consumer_limits: limits }]) {
    saying(server, { config: { subjects: ["S.>"], retention: "limits", ...config } });
    const { begin } = await stream.streamInfo();
    assert.equal(begin, config.first_seq || 1);
    server.answers = () => undefined;
    await stream.createConsumer({ sequence: 1 });
    expiries.push(JSON.parse(server.asked.at(-1)![1]).config.inactive_threshold / 1e9);
  }
  assert.deepEqual(expiries, [300, 300, 60]);
  for (
    const [retention, way] of [["interest", /nats stream edit S --retention limits/], [
      "workqueue",
      /again/,
    ]] as const
  ) {
    saying(server, { config: { retention } });
    const { kind, message } = await errorOf(stream.streamInfo());
    assert.equal(kind, "refused");
    assert.match(message, way);
  }
});

Deno.test("what is no answer of JetStream ends the connection", async () => {
  const { api, server } = rig();
  const odd: readonly (readonly [part: object, state?: object])[] = [
    [{ config: undefined }],
    [{ config: [] }],
    [{ created: 5 }],
    [{ config: { subjects: "S" } }],
    [{ error: "no" }],
    [{ error: null }],
    [{}, { deleted: 5 }],
    [{}, { deleted: [1, -1] }],
    [{}, { first_seq: "1" }],
    [{}, { last_seq: 1.5 }],
    [{}, { messages: -1 }],
    [{}, { messages: 2 ** 53 }],
    [{}, { num_deleted: null, messages: undefined }],
  ];
  const asked = async () => {
    const error = await errorOf((await api()).streamInfo());
    assert.equal(error.kind, "garbage");
    assert.match(error.message, /^what NATS at n:4222 sends is no answer of JetStream$/);
    assert.equal(server.sockets.at(-1)!.isDestroyed, true);
  };
  for (const [part, state] of odd) {
    saying(server, part, state);
    await asked();
  }
  for (const text of ["", "{", "5", "[]", "null", '{"state":null,"config":{},"created":""}']) {
    server.answers = () => text;
    await asked();
  }
});

Deno.test("an error of JetStream is refused where asking again does not help, and else waited for", async () => {
  const { api, server } = rig();
  const stream = await api();
  for (
    const [error, said] of [
      [{ code: 404, err_code: 10_059 }, /^unavailable there is no stream S, or not any more: waiting for it/],
      [{ code: 404, err_code: 10_058, description: "x" }, /^unavailable stream S: .* "x" \(10058\)$/],
      [{ code: 400, err_code: 10_003, description: "bad" }, /^refused stream S: .* "bad" \(10003\)$/],
      [{ code: 403, description: "y".repeat(300) }, /^refused stream S: JetStream answers "y{200}" \(403\)$/],
      [{ code: 500 }, /^unavailable /],
      [{ code: 401 }, /^unavailable /],
    ] as const
  ) {
    server.answers = () => JSON.stringify({ error });
    const { kind, message } = await errorOf(stream.streamInfo());
    assert.match(`${kind} ${message}`, said);
  }
});

Deno.test("an account without JetStream is told of", async () => {
  const { api, server } = rig();
  const stream = await api();
  for (const [status, said] of [["503", /has no JetStream here/], ["404 No", /no answer of/]] as const) {
    server.heard = (socket, line) => {
      const inbox = /^PUB \S+ (\S+) /.exec(line)?.[1];
      if (inbox !== undefined) socket.status(inbox, status, 1);
      return inbox !== undefined;
    };
    assert.match((await errorOf(stream.streamInfo())).message, said);
  }
});

Deno.test("a consumer begins at a number or behind a time, with the subjects that are wanted", async () => {
  const asked = async (start: ConsumerStart, choice: Partial<StreamChoice> = {}) => {
    const { api, server } = rig(choice);
    const name = await (await api()).createConsumer(start);
    const [subject, body] = server.asked.at(-1)!;
    assert.match(name, /^vabus-[0-9a-f-]{18}$/);
    const { config, ...rest } = JSON.parse(body);
    assert.deepEqual([config.name, rest], [name, { stream_name: "S", action: "create" }]);
    const { deliver_policy, opt_start_seq, opt_start_time, filter_subject, filter_subjects, ...fixed } =
      config;
    assert.deepEqual(fixed, {
      name,
      description: "VaBus Data Handler",
      ack_policy: "none",
      replay_policy: "instant",
      inactive_threshold: 300_000_000_000,
      mem_storage: true,
      num_replicas: 1,
    });
    const filter = filter_subject ?? filter_subjects;
    return [subject.replace(name, "NAME"), deliver_policy, opt_start_seq ?? opt_start_time, filter];
  };
  const at = "by_start_sequence";
  assert.deepEqual(await asked({ sequence: 7 }), ["CONSUMER.CREATE.S.NAME", at, 7, undefined]);
  assert.deepEqual(await asked({ sequence: 7 }, { subjects: ["S.a.*"] }), [
    "CONSUMER.CREATE.S.NAME.S.a.*",
    at,
    7,
    "S.a.*",
  ]);
  assert.deepEqual(await asked({ sequence: 7 }, { subjects: ["S.a", "S.b"] }), [
    "CONSUMER.CREATE.S.NAME",
    at,
    7,
    ["S.a", "S.b"],
  ]);
  for (
    const [afterNs, text] of [
      [1_795_749_952_826_600_474n, "2026-11-27T03:25:52.826600475Z"],
      [1_795_749_952_999_999_999n, "2026-11-27T03:25:53.000000000Z"],
      [0n, "1970-01-01T00:00:00.000000001Z"],
    ] as const
  ) {
    assert.deepEqual((await asked({ afterNs })).slice(1, 3), ["by_start_time", text]);
  }
  const { api, server } = rig();
  server.answers = () => '{"name":"another"}';
  assert.match(
    (await errorOf((await api()).createConsumer({ sequence: 1 }))).message,
    /no answer of JetStream/,
  );
});

Deno.test("the API of another domain is asked in its place", async () => {
  for (const [domain, prefix] of [[undefined, "$JS.API"], ["hub", "$JS.hub.API"]] as const) {
    const { api, server } = rig({ domain });
    const stream = await api();
    stream.deleteConsumer("c");
    stream.pull("c", 3, { batch: 5 });
    const [deleted, pulled] = server.sockets[0]!.written.split("\r\n").filter((line) =>
      line.startsWith("PUB")
    );
    assert.match(deleted!, /^PUB (\S+) _INBOX\.\w+\.p\.0 0$/);
    assert.match(pulled!, /^PUB (\S+) _INBOX\.\w+\.p\.3 11$/);
    assert.equal(deleted!.split(" ")[1], `${prefix}.CONSUMER.DELETE.S.c`);
    assert.equal(pulled!.split(" ")[1], `${prefix}.CONSUMER.MSG.NEXT.S.c`);
  }
});
