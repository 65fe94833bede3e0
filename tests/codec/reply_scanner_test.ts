import assert from "node:assert/strict";
import { ReplyFormatError } from "../../src/codec/json_bytes.ts";
import { headOf, isLogId, ReplyScanner, scanReply } from "../../src/codec/reply_scanner.ts";
import { EventBatch } from "../../src/event/event_batch.ts";

const EVENT = '{"name":"n","value":1,"timestamp":1}';
const HEAD = { log: "L", offset: 3, next: 3 };
const bytesOf = (text: string) => new TextEncoder().encode(text);
const emptyReply = (fields: string) => `{${fields},"events":[]}`;

/** The header and how much was read, or why the reply cannot be read. */
function read(text: string, eventsMax?: number) {
  const batch = new EventBatch();
  try {
    const header = scanReply(bytesOf(text), batch, eventsMax);
    return { ...header, total: batch.total, count: batch.count, invalid: batch.invalid.length };
  } catch (error) {
    assert.ok(error instanceof ReplyFormatError, `${error}`);
    return error.message;
  }
}

/** A reply with these elements, from offset 3 on. */
const replyOf = (elements: string, count: number) =>
  `{"log":"L","offset":3,"next":${3 + count},"events":[${elements}]}`;

Deno.test("a reply: its elements are counted, valid and not, whatever space stands around them", () => {
  const [plain, spelt] = [EVENT, '{"name":"\\u006e","value":1,"timestamp":1}'];
  const cases: readonly (readonly [string[], valid: number])[] = [
    [[], 0],
    [[plain], 1],
    [[spelt], 1],
    [["1"], 0],
    [[plain, plain, plain], 3],
    [[spelt, plain, "1", plain, spelt], 4],
    [["[1,2]", plain], 1],
    [[`${plain}x`, plain], 1],
    [[`${plain}${plain}`, plain], 1],
    [[plain, `${plain}1`], 1],
  ];
  for (const [elements, count] of cases) {
    const total = elements.length;
    for (const gap of ["", " ", "\t\n\r "]) {
      const text = replyOf(gap + elements.join(`${gap},${gap}`) + gap, total);
      assert.deepEqual(read(text), { ...HEAD, next: 3 + total, total, count, invalid: total - count }, text);
    }
  }
});

Deno.test("a reply: space may stand between all parts, and fields come in any order", () => {
  const fields = [
    '"log" : "L"',
    '"offset" : 3',
    '"next" : 4',
    `"events" : [ ${EVENT} ]`,
    '"more" : {"a":[1]}',
  ];
  const expected = { ...HEAD, next: 4, total: 1, count: 1, invalid: 0 };
  for (let turned = 0; turned < fields.length; turned++) {
    const order = [...fields.slice(turned), ...fields.slice(0, turned)];
    assert.deepEqual(read(`{${order.join(",")}}`), expected);
    const spaced = `\n{ ${order.join(" , ")} }\r\t`;
    assert.deepEqual(read(spaced), expected);
    const [missing] = order as [string];
    const without = read(`{${order.slice(1).join(",")}}`);
    if (missing.startsWith('"more"')) assert.deepEqual(without, expected);
    else assert.equal(typeof without, "string", missing);
  }
});

Deno.test("a reply that cannot be read says where, or that it is cut off", () => {
  const at = (byte: number) => `the reply is not JSON in UTF-8 (at byte ${byte})`;
  const cutOff = (bytes: number) => `the reply is cut off after ${bytes} bytes`;
  const cases: readonly (readonly [string, string])[] = [
    ["", cutOff(0)],
    [" ", cutOff(1)],
    ["[]", at(0)],
    [" 1", at(1)],
    ["{", cutOff(1)],
    ["{,}", at(1)],
    ["{1:2}", at(2)],
    ['{"log"}', at(6)],
    ['{"log" "L"}', at(7)],
    ['{"log":}', at(7)],
    ['{"log":tru}', at(7)],
    ['{"log":"L"', cutOff(10)],
    ['{"log":"L";', at(10)],
    ['{"log":"L"]', at(10)],
    ['{"log":"L",}', at(11)],
    ['{"events":[]}x', at(13)],
    ['{"events":[]} }', at(14)],
    ['{"events":[],}', at(13)],
    ['{"events":[]]', at(12)],
    ['{"events":[,]}', at(11)],
    ['{"events":[1,]}', at(13)],
    ['{"events":[1}', at(12)],
    ['{"events":[1', cutOff(12)],
    ['{"events":[', cutOff(11)],
    ['{"events":[1,', cutOff(13)],
    ['{"events":', cutOff(10)],
    [`{"events":[${EVENT}`, cutOff(11 + EVENT.length)],
    [`{"events":[${EVENT}}`, at(11 + EVENT.length)],
  ];
  for (const [text, message] of cases) assert.equal(read(text), message, text);
});

Deno.test("a reply without a log, whole offsets or an array of events says so", () => {
  const noLog = 'the reply has no "log"';
  const noOffsets = 'the reply\'s "offset" and "next" are not whole numbers';
  const noEvents = 'the reply has no array "events"';
  const max = Number.MAX_SAFE_INTEGER;
  const cases: readonly (readonly [string, string | Record<string, unknown>])[] = [
    ["{}", noLog],
    [" { } ", noLog],
    [emptyReply('"log":1,"offset":3,"next":3'), noLog],
    [emptyReply('"log":"","offset":3,"next":3'), noLog],
    [emptyReply('"log":"L","next":3'), noOffsets],
    [emptyReply('"log":"L","offset":3'), noOffsets],
    [emptyReply('"log":"L","offset":-1,"next":-1'), noOffsets],
    [emptyReply('"log":"L","offset":3,"next":-1'), noOffsets],
    [emptyReply('"log":"L","offset":3.5,"next":3.5'), noOffsets],
    [emptyReply('"log":"L","offset":"3","next":"3"'), noOffsets],
    [emptyReply(`"log":"L","offset":${max + 1},"next":${max + 1}`), noOffsets],
    [emptyReply(`"log":"L","offset":${max},"next":${max}`), { log: "L", offset: max, next: max }],
    [emptyReply('"log":"L","offset":0,"next":0'), { log: "L", offset: 0, next: 0 }],
    ['{"log":"L","offset":3,"next":3}', noEvents],
    ['{"log":"L","offset":3,"next":3,"events":{}}', noEvents],
    [
      emptyReply('"log":"L","offset":3,"next":4'),
      "the reply holds 0 events, but says it reaches from 3 to 4",
    ],
    [replyOf("1,2", 1), "the reply holds 2 events, but says it reaches from 3 to 4"],
    [replyOf(EVENT, 0), "the reply holds 1 events, but says it reaches from 3 to 3"],
  ];
  for (const [text, expected] of cases) {
    const found = read(text);
    if (typeof expected === "string") assert.equal(found, expected, text);
    else assert.deepEqual(found, { ...expected, total: 0, count: 0, invalid: 0 }, text);
  }
});

Deno.test("a reply: the last of several fields counts, and the last of several arrays of events", () => {
  const twice =
    `{"log":"K","log":"L","offset":1,"next":4,"offset":3,"events":[${EVENT},1],"events":[${EVENT}]}`;
  assert.deepEqual(read(twice), { ...HEAD, next: 4, total: 1, count: 1, invalid: 0 });
  const emptied = `{"log":"L","offset":3,"next":3,"events":[1,${EVENT}],"events":[]}`;
  assert.deepEqual(read(emptied), { ...HEAD, total: 0, count: 0, invalid: 0 });
});

Deno.test("a reply may hold as many elements as were asked for", () => {
  for (const count of [1, 2, 3]) {
    const text = replyOf(Array(count).fill(EVENT).join(), count);
    const found = read(text, 2);
    if (count <= 2) assert.deepEqual(found, { ...HEAD, next: 3 + count, total: count, count, invalid: 0 });
    else assert.equal(found, "the reply holds more events than the 2 that were asked for");
  }
  assert.deepEqual(read(replyOf("", 0), 0), { ...HEAD, total: 0, count: 0, invalid: 0 });
});

Deno.test("the head of a reply is known when all of it comes before the events", () => {
  const cases: readonly (readonly [string, unknown])[] = [
    ['{"log":"L","offset":3,"next":3,"events":[', HEAD],
    ['{"log":"L","offset":3,"next":3}', undefined],
    ['{"log":"","offset":3,"next":3,"events":[]}', undefined],
    ['{"log":"L","offset":-3,"next":3,"events":[]}', undefined],
    ['{"log":"L","offset":3,"next":0.5,"events":[]}', undefined],
    ['{"log":"L","offset":3,"events":[],"next":3}', undefined],
    ['{"log":"L","offset":3,"next":3,x', undefined],
    ["{}", undefined],
    ["", undefined],
  ];
  for (const [text, head] of cases) assert.deepEqual(headOf(bytesOf(text)), head, text);
});

Deno.test("a reply whose head was read goes on behind it, and throws its fault then", () => {
  const batch = new EventBatch();
  const scanner = new ReplyScanner(bytesOf(replyOf(`${EVENT},${EVENT}`, 2)), batch);
  assert.deepEqual(scanner.readHead(), { ...HEAD, next: 5 });
  assert.equal(batch.total, 0);
  assert.deepEqual(scanner.readRest(), { ...HEAD, next: 5 });
  assert.deepEqual([batch.total, batch.count], [2, 2]);
  const broken = new ReplyScanner(bytesOf('{"log":"L",x'), new EventBatch());
  assert.equal(broken.readHead(), undefined);
  assert.throws(() => broken.readRest(), /^ReplyFormatError: the reply is not JSON in UTF-8 \(at byte 11\)$/);
});

Deno.test("the identity of a log is a text of 1 to 512 characters", () => {
  for (const id of ["L", "ü", "😀", "x".repeat(512)]) assert.ok(isLogId(id), id);
  for (const id of ["", "x".repeat(513), "\ud83d", 1, null, undefined, {}, ["L"]]) assert.ok(!isLogId(id));
});

Deno.test("a reply may begin with a byte order mark, and with nothing like one", () => {
  const rest = [...bytesOf(replyOf(EVENT, 1))];
  const outcome = (bytes: number[]) => {
    try {
      return scanReply(Uint8Array.from(bytes), new EventBatch()).next;
    } catch (error) {
      assert.ok(error instanceof ReplyFormatError, `${error}`);
      return error.message;
    }
  };
  assert.equal(outcome([0xef, 0xbb, 0xbf, ...rest]), 4);
  assert.equal(outcome(rest), 4);
  const fault = "the reply is not JSON in UTF-8 (at byte 0)";
  for (const start of [[0xee, 0xbb, 0xbf], [0xef, 0xba, 0xbf], [0xef, 0xbb, 0xbe], [0xef, 0xbb], [0xef]]) {
    assert.equal(outcome([...start, ...rest]), fault, `${start}`);
  }
});

Deno.test("a reply whose own fields are not UTF-8 is refused", () => {
  const text = '{"log":"?","offset":3,"next":3,"events":[]}';
  const bytes = bytesOf(text).map((byte) => byte === 0x3f ? 0xff : byte);
  assert.throws(() => scanReply(bytes, new EventBatch()), {
    message: `the reply is not JSON in UTF-8 (at byte ${text.indexOf('"?"')})`,
  });
});

Deno.test("a reply: more elements than were asked for are refused, wherever the invalid ones are", () => {
  const fault = "the reply holds more events than the 4 that were asked for";
  for (const bad of [0, 1, 2, 3]) {
    const elements = Array(4).fill(EVENT).with(bad, "1");
    assert.deepEqual(read(replyOf(elements.join(), 4), 4), {
      ...HEAD,
      next: 7,
      total: 4,
      count: 3,
      invalid: 1,
    });
    assert.equal(read(replyOf([...elements, EVENT].join(), 5), 4), fault);
    assert.equal(read(replyOf([...elements, "1"].join(), 5), 4), fault);
    assert.equal(read(replyOf([...elements, EVENT, EVENT, EVENT].join(), 7), 4), fault);
  }
});

Deno.test("a reply: an invalid element is kept without the space around it", () => {
  const batch = new EventBatch();
  scanReply(bytesOf(replyOf(` ${EVENT} , 1 \n,\t[ 2 ]\r`, 3)), batch);
  assert.deepEqual(batch.invalid.map((one) => Buffer.from(batch.rawOfInvalid(one)).toString()), [
    "1",
    "[ 2 ]",
  ]);
});

Deno.test("a batch is empty from when a reply is to be scanned into it, whatever was in it before", () => {
  const batch = new EventBatch();
  scanReply(bytesOf(replyOf(`${EVENT},1`, 2)), batch);
  assert.equal(new ReplyScanner(bytesOf(replyOf(EVENT, 1)), batch).readHead()?.next, 4);
  assert.deepEqual([batch.total, batch.count, batch.invalid.length], [0, 0, 0]);
  scanReply(bytesOf(replyOf(EVENT, 1)), batch);
  assert.throws(() => scanReply(bytesOf('{"log":'), batch), ReplyFormatError);
  assert.deepEqual([batch.total, batch.count], [0, 0]);
});
