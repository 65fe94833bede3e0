import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import {
  LongText,
  type Reply,
  type ReplyBounds,
  RespError,
  RespFault,
  RespReader,
} from "../../../src/sources/redis/resp_reader.ts";

const BOUNDS: ReplyBounds = { maxBytes: 1 << 20, maxItems: 1000 };

function replies(text: string | Uint8Array, pieceSize: number, bounds = BOUNDS): Reply[] {
  const found: Reply[] = [];
  const reader = new RespReader(() => bounds, (reply) => found.push(reply));
  const bytes = Buffer.from(text as string);
  for (let at = 0; at < bytes.length; at += pieceSize) {
    // A piece of its own memory, as a socket gives it.
    reader.take(Buffer.from(bytes.subarray(at, at + pieceSize)));
  }
  return found;
}

/** Texts as strings. */
function plain(reply: Reply): unknown {
  if (Array.isArray(reply)) return reply.map(plain);
  if (reply instanceof LongText) return { length: reply.length, kept: reply.beginning.length };
  return reply instanceof Uint8Array ? Buffer.from(reply).toString() : reply;
}

Deno.test("replies are the same however they are cut", () => {
  const text = "+OK\r\n-ERR no\r\n:-12\r\n$-1\r\n$0\r\n\r\n$5\r\na\r\nb\n\r\n*-1\r\n*0\r\n" +
    "*2\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\nä\r\n$1\r\nb\r\n:7\r\n";
  const bytes = text.replace("$1\r\nä", "$2\r\nä");
  const expected = ["OK", new RespError("ERR no"), -12, null, "", "a\r\nb\n", null, [], [
    ["1-0", ["ä", "b"]],
    7,
  ]];
  for (let pieceSize = 1; pieceSize < 40; pieceSize++) {
    assert.deepEqual(replies(bytes, pieceSize).map(plain), expected);
  }
});

Deno.test("of long texts a beginning is kept, and the rest is passed over as it comes", () => {
  const long = "x".repeat(3 * 1024 * 1024);
  const text = `*3\r\n$1\r\na\r\n$${long.length}\r\n${long}\r\n$1\r\nb\r\n`;
  for (const pieceSize of [65_536, 1 << 30]) {
    const [reply] = replies(text, pieceSize);
    assert.deepEqual(plain(reply!), ["a", { length: long.length, kept: 65_536 }, "b"]);
  }
});

Deno.test("beyond the bytes of a reply, little of each text is kept", () => {
  const item = "y".repeat(600);
  const text = `*3\r\n${`$600\r\n${item}\r\n`.repeat(2)}$4\r\n1-10\r\n`;
  const [reply] = replies(text, 100, { maxBytes: 1000, maxItems: 10 });
  assert.deepEqual(plain(reply!), [item, { length: 600, kept: 64 }, "1-10"]);
});

for (
  const [what, text, problem] of [
    ["another protocol", "HTTP/1.1 200 OK\r\n\r\n", /is not Redis's protocol/],
    ["a line without a carriage return", "+OK\n", /is not Redis's protocol/],
    ["a line without an end", "+".padEnd(9000, "x"), /has a line without an end/],
    ["too many items", "*1001\r\n", /has 1001 items, of which 1000 are allowed/],
    ["too many items inside", "*999\r\n*999\r\n" + ":1\r\n".repeat(999), /has more than 1000 items/],
    ["less than nothing", "*-2\r\n", /has -2 items/],
    ["a text of less than nothing", "$-2\r\n", /announces a text of -2 bytes/],
    ["a text of petabytes", "$9000000000000000\r\n", /announces a text of/],
    ["a text of another length", "$2\r\nabcd\r\n", /has a text of another length/],
    ["a text without its carriage return", "$2\r\nabX\n", /has a text of another length/],
    ["a text without its line feed", "$2\r\nab\rX", /has a text of another length/],
    ["a number that is none", ":1x\r\n", /has a number that is none/],
    ["a sign behind the digits", ":1:\r\n", /has a number that is none/],
    ["a sign before them", ":1/\r\n", /has a number that is none/],
    ["minus nothing", ":-\r\n", /has a number that is none/],
    ["no number", "$\r\n", /has a number that is none/],
    ["too many digits", `:${"1".repeat(20)}\r\n`, /has a number that is none/],
    ["deep nests", "*1\r\n".repeat(10), /is nested more than 8 deep/],
  ] as const
) {
  Deno.test(`refused: ${what}`, () => {
    for (const pieceSize of [1, 7, 1 << 20]) {
      assert.throws(
        () => replies(text, pieceSize),
        (error) =>
          error instanceof RespFault && problem.test(error.message) &&
          // A smaller request may be answered in bounds.
          error.isTooMuch === /many items/.test(what),
      );
    }
  });
}

Deno.test("what nobody has asked for is refused", () => {
  const reader = new RespReader(() => undefined, () => assert.fail("it is taken"));
  assert.throws(() => reader.take(Buffer.from("$1\r\na\r\n")), /belongs to no request/);
});

/** What is made of these bytes in one piece: the replies, or why they are refused. */
function outcome(text: string | Uint8Array, bounds?: ReplyBounds): unknown[] | string {
  try {
    return replies(text, 1 << 30, bounds).map(plain);
  } catch (error) {
    assert.ok(error instanceof RespFault, `${error}`);
    return error.message;
  }
}

Deno.test("lines may have 8 KiB, whether their end has come or not, and whatever came before", () => {
  const line = (length: number) => `+${"x".repeat(length - 2)}\r`;
  assert.deepEqual(outcome(`${line(8192)}\n`), ["x".repeat(8190)]);
  assert.equal(outcome(`${line(8193)}\n`), "is not Redis's protocol");
  assert.deepEqual(outcome(`+OK\r\n${line(8192)}`), ["OK"]);
  assert.equal(outcome(line(8193)), "has a line without an end");
});

Deno.test("each reply may have as many items as are allowed, and may be as deep", () => {
  const items = (count: number) => `*${count}\r\n${":1\r\n".repeat(count)}`;
  const bounds = { maxBytes: 10, maxItems: 5 };
  const four = [1, 1, 1, 1];
  assert.deepEqual(outcome(items(4).repeat(3), bounds), [four, four, four], "the array is one itself");
  assert.equal(outcome(items(5), bounds), "has more than 5 items");
  assert.equal(outcome("*6\r\n", bounds), "has 6 items, of which 5 are allowed");
  const nested = (depth: number) => `${"*1\r\n".repeat(depth)}:7\r\n`;
  assert.deepEqual(outcome(nested(8)), [[[[[[[[[7]]]]]]]]]);
  assert.equal(outcome(nested(9)), "is nested more than 8 deep");
});

Deno.test("texts are whole up to 1 MiB each, and up to the bytes that a reply may have", () => {
  const text = (length: number) => `$${length}\r\n${"x".repeat(length)}\r\n`;
  const sizes = (bytes: string, maxBytes: number) =>
    (outcome(bytes, { maxBytes, maxItems: 9 }) as unknown[]).flat().map((found) =>
      typeof found === "string" ? found.length : found
    );
  const mib = 1024 * 1024;
  assert.deepEqual(sizes(text(mib), 2 * mib), [mib]);
  assert.deepEqual(sizes(text(mib + 1), 2 * mib), [{ length: mib + 1, kept: 65_536 }]);
  const two = `*2\r\n${text(500)}${text(500)}`;
  assert.deepEqual(sizes(two.repeat(2), 1000), [500, 500, 500, 500], "each reply anew");
  assert.deepEqual(sizes(two, 999), [500, { length: 500, kept: 64 }]);
});

Deno.test("a text may be announced with 4 GiB, and a number has 19 digits at most", () => {
  assert.deepEqual(outcome("$4294967296\r\n"), []);
  assert.equal(outcome("$4294967297\r\n"), "announces a text of 4294967297 bytes");
  assert.deepEqual(outcome(":-1000000000000000000\r\n:2\r\n"), [-1e18, 2]);
});
