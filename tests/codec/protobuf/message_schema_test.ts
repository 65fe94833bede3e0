import assert from "node:assert/strict";
import {
  LateMessages,
  MessageReader,
  type MessageSchema,
} from "../../../src/codec/protobuf/message_schema.ts";
import { WireReader } from "../../../src/codec/protobuf/wire_reader.ts";
import { lengthField, varintField } from "../../../src/codec/protobuf/wire_writer.ts";
import { PushError } from "../../../src/codec/push_error.ts";

const INNER: MessageSchema = {
  1: { name: "inner", is: () => INNER },
  2: { name: "counts", is: "uint64", isRepeated: true },
  3: { name: "list", is: () => INNER, isRepeated: "late" },
  4: { name: "others", is: () => INNER, isRepeated: "late" },
};

type Message = Record<string, unknown>;

const joined = (parts: readonly Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));
const read = (...fields: Uint8Array[]): Message =>
  new MessageReader(new WireReader(joined(fields), "test")).read(INNER);
const counts = (count: number) => lengthField(2, new Uint8Array(count));
const late = (message: Message, name: string) => [...message[name] as LateMessages];

function nested(levels: number): Uint8Array {
  let message = new Uint8Array(0);
  for (let i = 0; i < levels; i++) message = Uint8Array.from(lengthField(1, message));
  return message;
}

Deno.test("messages are read up to 40 levels deep", () => {
  assert.doesNotThrow(() => read(nested(40)));
  assert.throws(() => read(nested(41)), {
    message: "the body is no test: there is a message 40 levels deep at byte 81",
  });
  const [deep] = late(read(lengthField(3, nested(39))), "list");
  assert.ok(deep!.inner);
  assert.throws(() => late(read(lengthField(3, nested(40))), "list"), /a message 40 levels deep/);
});

Deno.test("so many parts are held at a time; of messages that are read late it is one after the other", () => {
  const isTooMuch = (error: unknown) =>
    error instanceof PushError && error.status === 413 &&
    error.message === "the body has more than 200000 parts; send several requests";
  assert.equal((read(counts(200_000)).counts as unknown[]).length, 200_000);
  assert.throws(() => read(counts(200_001)), isTooMuch);
  const long = lengthField(3, counts(199_999));
  const messages = late(read(long, long, long), "list");
  assert.deepEqual(messages.map(({ counts }) => (counts as unknown[]).length), Array(3).fill(199_999));
  assert.throws(() => late(read(lengthField(3, counts(200_000))), "list"), isTooMuch);
  assert.throws(() => late(read(counts(1), long), "list"), isTooMuch, "what is around them is held as well");
});

Deno.test("messages that are read late are there in their order, however often they are asked for", () => {
  const item = (field: number, count: number) => lengthField(field, varintField(2, count));
  const message = read(item(3, 1), item(4, 2), varintField(9, 1), item(3, 3), varintField(2, 5), item(4, 6));
  assert.deepEqual(message.counts, [5]);
  for (let times = 0; times < 2; times++) {
    assert.deepEqual(late(message, "list"), [{ counts: [1] }, { counts: [3] }]);
    assert.deepEqual(late(message, "others"), [{ counts: [2] }, { counts: [6] }]);
  }
  const within = read(lengthField(3, joined([item(3, 1), item(3, 2)])), lengthField(3, item(3, 3)));
  const numbers: unknown[] = [];
  for (const outer of message.list as LateMessages) assert.equal(outer.list, undefined);
  for (const outer of within.list as LateMessages) {
    for (const inner of outer.list as LateMessages) numbers.push(inner.counts);
  }
  assert.deepEqual(numbers, [[1], [2], [3]]);
});
