import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { NatsFault, type NatsFrame, NatsParser } from "../../../src/sources/nats/nats_parser.ts";
import { pulledMessage } from "../../../src/sources/nats/pulled_message.ts";
import { isWithin, patternProblem } from "../../../src/sources/nats/subject_pattern.ts";
import { mostMissing } from "../../../src/sources/nats/missing_messages.ts";

function frames(text: string, pieceSize: number): NatsFrame[] {
  const found: NatsFrame[] = [];
  const parser = new NatsParser((frame) => found.push(frame));
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += pieceSize) {
    // A piece of its own memory, as a socket gives it.
    parser.take(Buffer.from(bytes.subarray(at, at + pieceSize)));
  }
  return found;
}

function plain(frame: NatsFrame): unknown {
  if (frame.kind !== "message") return frame;
  const { payload, ...rest } = frame.message;
  return { ...rest, text: Buffer.from(payload).toString() };
}

const NO_HEADER = { reply: undefined, status: undefined, header: "" };

Deno.test("what a server sends is the same however it is cut", () => {
  const header = "NATS/1.0\r\na: b\r\n\r\n";
  const status = "NATS/1.0 404 No Messages\r\n\r\n";
  const text = 'INFO {"a":1}\r\n+OK\r\nPING\r\npong\r\nMSG ä.b 1 3\r\na\r\n\r\nMSG a.b 2 r.s 0\r\n\r\n' +
    `HMSG a 1 r ${header.length} ${header.length + 2}\r\n${header}xy\r\n` +
    `HMSG a 1 ${status.length} ${status.length}\r\n${status}\r\n-ERR 'no'\r\n`;
  const expected = [
    { kind: "info", json: '{"a":1}' },
    { kind: "ping" },
    { kind: "pong" },
    { ...NO_HEADER, subject: "ä.b", subscription: 1, text: "a\r\n", payloadBytes: 3 },
    { ...NO_HEADER, subject: "a.b", subscription: 2, reply: "r.s", text: "", payloadBytes: 0 },
    { subject: "a", subscription: 1, reply: "r", status: undefined, header, text: "xy", payloadBytes: 2 },
    {
      subject: "a",
      subscription: 1,
      reply: undefined,
      status: 404,
      header: status,
      text: "",
      payloadBytes: 0,
    },
    { kind: "error", text: "'no'" },
  ];
  for (let pieceSize = 1; pieceSize < 60; pieceSize++) {
    assert.deepEqual(frames(text, pieceSize).map(plain), expected);
  }
});

Deno.test("of a long message a beginning is kept, and the rest is passed over as it comes", () => {
  const long = "x".repeat(3 * 1024 * 1024);
  for (const pieceSize of [65_536, 1 << 30]) {
    const [first, second] = frames(`MSG a 1 ${long.length}\r\n${long}\r\nPING\r\n`, pieceSize);
    assert.ok(first?.kind === "message");
    assert.deepEqual([first.message.payload.length, first.message.payloadBytes], [65_536, long.length]);
    assert.equal(second?.kind, "ping");
  }
});

for (
  const [what, text, problem] of [
    ["another protocol", "HTTP/1.1 200 OK\r\n\r\n", /is not NATS's protocol/],
    ["a line without a carriage return", "PING\n", /is not NATS's protocol/],
    ["a line without an end", "INFO ".padEnd(70_000, "x"), /has a line without an end/],
    ["a message without a length", "MSG a 1\r\n", /is not NATS's protocol/],
    ["a message of less than nothing", "MSG a 1 -1\r\n", /is not NATS's protocol/],
    ["a message with a length of no digits", "MSG a 1 \r\n", /is not NATS's protocol/],
    ["a message with a length of too many digits", "MSG a 1 00000000001\r\na\r\n", /is not NATS's protocol/],
    ["a message for nobody", "MSG a  1\r\na\r\n", /is not NATS's protocol/],
    ["a message for a number of too many digits", "MSG a 1000000000 1\r\na\r\n", /is not NATS's protocol/],
    ["a message of gigabytes", "MSG a 1 9999999999\r\n", /announces a message of 9999999999 bytes/],
    ["a header that is longer than its message", "HMSG a 1 5 4\r\n", /announces a message of 4 bytes/],
    ["a message of another length", "MSG a 1 1\r\nabcd\r\n", /has a message of another length/],
  ] as const
) {
  Deno.test(`refused: ${what}`, () => {
    for (const pieceSize of [1009, 1 << 20]) {
      assert.throws(
        () => frames(text, pieceSize),
        (error) => error instanceof NatsFault && problem.test(error.message),
      );
    }
  });
}

Deno.test("the reply subject of a message tells its number and time, from older servers and newer ones", () => {
  const message = (reply: string | undefined) => {
    const [frame] = frames(`MSG a 1 ${reply === undefined ? "" : `${reply} `}0\r\n\r\n`, 1000);
    assert.ok(frame?.kind === "message");
    return frame.message;
  };
  for (const where of ["S.c", "_.hash.S.c", "hub.hash.S.c"]) {
    const tail = where === "S.c" ? "" : ".random";
    const found = pulledMessage(message(`$JS.ACK.${where}.1.12.3.1795749952826600474.7${tail}`));
    assert.ok(found);
    assert.deepEqual([found.sequence, found.delivery, found.timeNs, found.pending], [
      12,
      3,
      1795749952826600474n,
      7,
    ]);
  }
  for (
    const wrong of [
      undefined,
      "a",
      "$JS.ACK.S.c.1.x.3.4.5",
      "$JS.ACK.S.c.1.2.3",
      "$JS.ACK.S.c.1.2.3.4.-5",
      "$JS.ACK.S.c.1.9999999999999999.3.4.5",
    ]
  ) {
    assert.equal(pulledMessage(message(wrong)), undefined);
  }
});

Deno.test("which subjects lie within a pattern", () => {
  for (
    const [inner, outer] of [["a.b", "a.b"], ["a.b", "a.*"], ["a.*", "a.*"], ["a.b.c", "a.>"], ["a.>", ">"]]
  ) {
    assert.ok(isWithin(inner!, outer!), `${inner} in ${outer}`);
  }
  for (
    const [inner, outer] of [["a", "a.>"], ["a.*", "a.b"], ["a.>", "a.*"], ["a.b", "a"], ["a", "a.b"], [
      ">",
      "*",
    ]]
  ) {
    assert.ok(!isWithin(inner!, outer!), `${inner} in ${outer}`);
  }
  for (const right of ["a", "a.*.b", "a.>", ">", "*"]) assert.equal(patternProblem(right), undefined);
  for (const wrong of ["", "a..b", "a b", "a.>.b", "a*", ".a"]) assert.ok(patternProblem(wrong), wrong);
});

Deno.test("how many messages of a filtered stream are gone at most", () => {
  const missing = (first: number, deleted: number[], from: number, to: number) =>
    mostMissing({ first, deleted }, from, to);
  assert.equal(missing(1, [], 5, 9), 0);
  assert.equal(missing(7, [], 5, 9), 1);
  assert.equal(missing(20, [], 5, 9), 3);
  assert.equal(missing(1, [3, 6, 8, 9], 5, 9), 2);
  assert.equal(missing(7, [6, 8], 5, 9), 2);
});
