import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { RECORD_MAX_BYTES } from "../../../src/codec/bus_records.ts";
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

Deno.test("a message is kept whole up to the longest record and header, and one byte more is not", () => {
  const whole = RECORD_MAX_BYTES + 65_536;
  for (
    const [size, headerBytes, kept, header] of [
      [whole, 0, whole, 0],
      [whole + 1, 0, 65_536, 0],
      [whole, 65_537, whole - 65_537, 65_536],
      [whole + 1, 100, 65_536, 100],
      [whole + 1, 65_536, 65_536, 65_536],
      [whole + 1, RECORD_MAX_BYTES + 1, 65_535, 65_536],
      [whole + 1, whole + 1, 0, 65_536],
      [whole, whole, 0, 65_536],
    ] as const
  ) {
    const text = "abcdefghij".repeat(whole / 10 + 1).slice(0, size);
    const head = headerBytes === 0 ? "MSG a 1" : `HMSG a 1 ${headerBytes}`;
    for (const pieceSize of [10_007, 1 << 30]) {
      const [frame, next] = frames(`${head} ${size}\r\n${text}\r\nPING\r\n`, pieceSize);
      assert.ok(frame?.kind === "message" && next?.kind === "ping");
      const { message } = frame;
      const about = `${size} bytes, ${headerBytes} of them header, in pieces of ${pieceSize}`;
      assert.deepEqual(
        [message.payload.length, message.header.length, message.payloadBytes, message.status],
        [kept, header, size - headerBytes, undefined],
        about,
      );
      assert.ok(text.slice(headerBytes).startsWith(Buffer.from(message.payload).toString()), about);
      assert.ok(text.startsWith(message.header), about);
    }
  }
});

Deno.test("the largest numbers and the longest line that there may be are taken", () => {
  const subject = "s".repeat(65_536 - "MSG  999999999 0\r".length);
  for (const pieceSize of [1009, 1 << 20]) {
    const found = frames(`MSG ${subject} 999999999 0\r\n\r\nhmsg a 009 0 0000000000\r\n\r\n`, pieceSize);
    assert.deepEqual(found.map(plain), [
      { ...NO_HEADER, subject, subscription: 999_999_999, text: "", payloadBytes: 0 },
      { ...NO_HEADER, subject: "a", subscription: 9, text: "", payloadBytes: 0 },
    ]);
  }
  const parser = new NatsParser(() => assert.fail("nothing is whole"));
  parser.take(Buffer.from(`MSG a 1 ${2 ** 31}\r\nab`));
  parser.take(Buffer.from(""));
  parser.take(Buffer.from("cd"));
  assert.equal(parser.unread.length, 0);
});

Deno.test("what is not whole yet is unread, and of what is in a piece nothing is", () => {
  const found: NatsFrame[] = [];
  const parser = new NatsParser((frame) => found.push(frame));
  for (
    const [piece, unread, count] of [
      ["PING\r\nIN", "IN", 1],
      ["FO {}\r", "INFO {}\r", 1],
      ["\n", "", 2],
      ["MSG a 1 2\r\na", "", 2],
      ["b\r", "\r", 2],
      ["\nPO", "PO", 3],
      ["NG\r\n", "", 4],
    ] as const
  ) {
    parser.take(Buffer.from(piece));
    assert.deepEqual([parser.unread.toString(), found.length], [unread, count], JSON.stringify(piece));
  }
});

for (
  const [what, text, problem] of [
    ["another protocol", "HTTP/1.1 200 OK\r\n\r\n", /is not NATS's protocol/],
    ["a line without a carriage return", "PING \n", /is not NATS's protocol/],
    ["a line without an end", "INFO ".padEnd(70_000, "x"), /has a line without an end/],
    [
      "a line of one byte more than there may be",
      `INFO ${"x".repeat(65_531)}\r\n`,
      /has a line without an end/,
    ],
    ["a message of one byte more than there may be", "MSG a 1 2147483649\r\n", /announces a message of/],
    ["a message with its length alone", "MSG 1\r\n", /is not NATS's protocol/],
    ["a header without its length", "HMSG a 1 1\r\na\r\n", /is not NATS's protocol/],
    ["a header of no digits", "HMSG a 1 r x 1\r\na\r\n", /is not NATS's protocol/],
    ["a header of too many digits", "HMSG a 1 r 00000000001 1\r\na\r\n", /is not NATS's protocol/],
    ["a message of no subject", "MSG  1 1\r\na\r\n", /is not NATS's protocol/],
    ["a message of an empty reply", "MSG a 1  1\r\na\r\n", /is not NATS's protocol/],
    ["a message of two replies", "MSG a 1 r s 1\r\na\r\n", /is not NATS's protocol/],
    ["a subscription before the digits", "MSG a 1/ 1\r\na\r\n", /is not NATS's protocol/],
    ["a subscription behind the digits", "MSG a 1: 1\r\na\r\n", /is not NATS's protocol/],
    ["a message that ends in the wrong order", "MSG a 1 1\r\na\n\r", /has a message of another length/],
    ["a message that ends in half", "MSG a 1 1\r\na\r\r", /has a message of another length/],
    ["a message that ends in the other half", "MSG a 1 1\r\na\n\n", /has a message of another length/],
    ["a word that begins as another does", "+OH\r\n", /is not NATS's protocol/],
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
