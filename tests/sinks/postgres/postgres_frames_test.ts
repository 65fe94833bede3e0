/** Bounds of what a PostgreSQL may send, one byte below and above each. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { PostgresFrames } from "../../../src/sinks/postgres/postgres_frames.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
/** Counted for each frame beside its bytes. */
const OVERHEAD = 100;

function frame(type: string, content: Uint8Array = new Uint8Array(0)): Buffer {
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeUInt32BE(content.length + 4, 1);
  return Buffer.concat([head, content]);
}

/** Frames of a server, which has let the handler in if nothing else is said. */
function frames(isLoggedIn = true, maxBytes = 1000): PostgresFrames {
  const one = new PostgresFrames({
    address: "db:5432",
    isTrusted: true,
    requiredLogin: undefined,
    answer: { maxBytes },
  });
  if (!isLoggedIn) return one;
  one.received(frame("R", Buffer.alloc(4)));
  one.received(frame("Z", Buffer.from("I")));
  one.sent(new Uint8Array(1));
  return one;
}

/** Whether a frame of that size passes by its head. */
function fits(one: PostgresFrames, type: string, size: number): boolean {
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeUInt32BE(size - 1, 1);
  try {
    assert.equal(one.sizeOf(head), size);
    return true;
  } catch (error) {
    assert.match((error as Error).message, /^What answers at db:5432 (announces|does not speak)/);
    return false;
  }
}

Deno.test("a frame is as large as its kind may be, before the login and after it", () => {
  const cases: readonly (readonly [isLoggedIn: boolean, type: string, maxBytes: number])[] = [
    [false, "R", 64 * KIB],
    [false, "E", 64 * KIB],
    [true, "D", 16 * MIB],
    [true, "T", 16 * MIB],
    [true, "E", MIB],
    [true, "N", MIB],
  ];
  for (const [isLoggedIn, type, maxBytes] of cases) {
    const one = frames(isLoggedIn);
    assert.deepEqual([4, 5, maxBytes, maxBytes + 1].map((size) => fits(one, type, size)), [
      false,
      true,
      true,
      false,
    ], type);
  }
  const passes = (isLoggedIn: boolean) =>
    [..."RSKENZDTCnt123sIAGHWdcv"].filter((type) => fits(frames(isLoggedIn), type, 9));
  assert.deepEqual([passes(false).join(""), passes(true).join("")], ["RSKENZ", "SENZDTCnt123sIA"]);
});

Deno.test("an answer has a bound, with something for each frame, that begins anew with each request", () => {
  const row = frame("D", new Uint8Array(395));
  const one = frames(true, 2 * (row.length + OVERHEAD));
  for (let request = 0; request < 3; request++) {
    one.received(row);
    one.received(row);
    one.sent(new Uint8Array(1));
  }
  one.received(row);
  one.received(row);
  assert.throws(
    () => one.received(frame("D")),
    /sends more than 1000 bytes, which is more than was asked for/,
  );
});

Deno.test("before the login the answers to all requests together have a bound", () => {
  const one = frames(false);
  const notice = frame("N", new Uint8Array(64 * KIB - 105));
  for (let i = 0; i < 16; i++) {
    one.received(notice);
    one.sent(new Uint8Array(1));
  }
  assert.throws(() => one.received(frame("N")), /more than 1048576 bytes/);
});

Deno.test("parameters have a bound for the whole connection", () => {
  const one = frames(true, 16 * MIB);
  const parameter = frame("S", new Uint8Array(64 * KIB - 105));
  for (let i = 0; i < 16; i++) {
    one.received(parameter);
    one.sent(new Uint8Array(1));
  }
  assert.throws(() => one.received(frame("S")), /reports parameters without end/);
});

Deno.test("nothing is ready before the login is over", () => {
  assert.throws(() => frames(false).received(frame("Z", Buffer.from("I"))), /has skipped the login/);
});

Deno.test("columns of rows are described to the last byte", () => {
  const column = (name: string) => Buffer.concat([Buffer.from(`${name}\0`), Buffer.alloc(18)]);
  const described = (count: number, ...parts: Buffer[]) => {
    const number = Buffer.alloc(2);
    number.writeUInt16BE(count);
    return frame("T", Buffer.concat([number, ...parts]));
  };
  for (const right of [described(0), described(1, column("a")), described(2, column("a"), column(""))]) {
    frames().received(right);
  }
  for (
    const wrong of [
      frame("T"),
      frame("T", Buffer.alloc(1)),
      described(1),
      described(0, column("a")),
      described(2, column("a")),
      described(1, column("a"), Buffer.alloc(1)),
      described(1, column("a").subarray(0, 19)),
    ]
  ) assert.throws(() => frames().received(wrong), /describes the columns of rows wrongly/);
});
