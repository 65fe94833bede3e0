/** The steps of a session between their receipt and their acknowledgement. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { BusRecord } from "../../../src/codec/bus_records.ts";
import { InFlight } from "../../../src/sources/mqtt/in_flight.ts";
import { PacketIds } from "../../../src/sources/mqtt/packet_ids.ts";
import type { Publication } from "../../../src/sources/mqtt/publication.ts";

const [PUBACK, PUBREC, PUBCOMP] = [4, 5, 7] as const;
const STEP_BYTES = 200;
const ALL = [1000, 1e9] as const;

function publication(qos: 0 | 1 | 2, id = 0, isRepeated = false): Publication {
  return {
    topic: "t",
    isUtf8: true,
    payload: Buffer.of(),
    length: 0,
    qos,
    id,
    isRepeated,
    isRetained: false,
  };
}

function record(text: string, topic?: string): BusRecord {
  const bytes = new TextEncoder().encode(text);
  return { topic, bytes, problem: undefined, arrivedMs: 0, busMs: undefined, key: undefined } as BusRecord;
}

/** The texts of the first messages, the number of their steps, and the ids behind them. */
function seen(inFlight: InFlight, messages: number = ALL[0], bytes: number = ALL[1]) {
  const found = inFlight.look(messages, bytes);
  return [found.messages.map((one) => Buffer.from(one.bytes).toString()).join(), found.steps, `${found.ids}`];
}

function answersUpTo(inFlight: InFlight, step: number): string {
  return inFlight.acknowledge(step).map(({ type, id }) => `${type} ${id}`).join();
}

Deno.test("a message of QoS 1 that is sent again may have been counted, one of another QoS is known", () => {
  const inFlight = new InFlight();
  inFlight.restart(0, new PacketIds());
  inFlight.receive(publication(1, 1, true), undefined);
  inFlight.receive(publication(1, 2), record("new"));
  inFlight.receive(publication(1, 3, true), record("again"));
  inFlight.receive(publication(2, 4, true), record("of QoS 2"));
  inFlight.receive(publication(0), record("of QoS 0"));
  const { messages, repeated } = inFlight.look(...ALL);
  assert.deepEqual([messages.length, [...repeated]], [4, [1]]);
  assert.deepEqual([...inFlight.look(1, 1e6).repeated], []);
});

Deno.test("each step is acknowledged once it is on disk, in its order and by its kind", () => {
  const inFlight = new InFlight();
  inFlight.restart(10, new PacketIds());
  inFlight.receive(publication(1, 1), record("a"));
  inFlight.receive(publication(0), record("b"));
  inFlight.receive(publication(2, 2), record("c"));
  inFlight.receive(publication(1, 3), undefined);
  inFlight.release(2);
  assert.deepEqual([inFlight.count, inFlight.unacknowledged], [5, 4]);
  assert.deepEqual(seen(inFlight), ["a,b,c", 5, ""]);
  assert.deepEqual(seen(inFlight, 3), ["a,b,c", 3, "2"]);
  assert.deepEqual([inFlight.has(9), inFlight.has(10), inFlight.has(15), inFlight.has(16)], [
    false,
    true,
    true,
    false,
  ]);
  inFlight.settle(13);
  assert.deepEqual([inFlight.count, inFlight.unacknowledged, inFlight.has(12), inFlight.has(13)], [
    2,
    4,
    false,
    true,
  ]);
  assert.deepEqual(seen(inFlight), ["", 2, ""]);
  assert.equal(answersUpTo(inFlight, 10), "");
  assert.equal(answersUpTo(inFlight, 11), `${PUBACK} 1`);
  assert.equal(inFlight.unacknowledged, 3);
  assert.equal(answersUpTo(inFlight, 13), `${PUBREC} 2`);
  assert.equal(answersUpTo(inFlight, 15), `${PUBACK} 3,${PUBCOMP} 2`);
  assert.deepEqual([inFlight.count, inFlight.unacknowledged, inFlight.bytes], [0, 0, 0]);
  assert.equal(answersUpTo(inFlight, 15), "");
});

Deno.test("so many messages are looked at as are asked for, or so many bytes, and nothing is taken away", () => {
  const inFlight = new InFlight();
  inFlight.restart(0, new PacketIds());
  inFlight.receive(publication(1, 1), undefined);
  inFlight.receive(publication(1, 2), record("abc", "t"));
  inFlight.receive(publication(1, 3), record("defg"));
  assert.equal(inFlight.bytes, 3 * STEP_BYTES + 3 + 1 + 4);
  for (
    const [messages, bytes, steps] of [
      [0, 1e9, 0],
      [1, 1e9, 2],
      [2, 1e9, 3],
      [3, 1e9, 3],
      [9, 0, 0],
      [9, 1, 1],
      [9, STEP_BYTES, 1],
      [9, STEP_BYTES + 1, 2],
      [9, 2 * STEP_BYTES + 4, 2],
      [9, 2 * STEP_BYTES + 5, 3],
    ] as const
  ) {
    assert.equal(inFlight.look(messages, bytes).steps, steps, `${messages} messages, ${bytes} bytes`);
  }
  inFlight.settle(2);
  assert.deepEqual([inFlight.bytes, seen(inFlight)], [STEP_BYTES + 4, ["defg", 1, ""]]);
  inFlight.settle(1);
  assert.equal(inFlight.count, 1);
});

Deno.test("a message of QoS 2 that comes again is one, until its id is released", () => {
  const inFlight = new InFlight();
  inFlight.restart(0, PacketIds.parse("5")!);
  inFlight.receive(publication(2, 5, true), record("known"));
  inFlight.receive(publication(2, 6, true), record("unknown"));
  assert.deepEqual(seen(inFlight), ["unknown", 2, "5-6"]);
  assert.equal(answersUpTo(inFlight, 2), `${PUBREC} 5,${PUBREC} 6`);
  inFlight.release(5);
  inFlight.release(5);
  assert.deepEqual([inFlight.count, inFlight.unacknowledged, seen(inFlight)], [1, 1, ["", 1, "6"]]);
  assert.equal(answersUpTo(inFlight, 3), `${PUBCOMP} 5`);
  assert.deepEqual(seen(inFlight), ["", 0, "6"]);
  inFlight.receive(publication(2, 5, true), record("next"));
  assert.deepEqual([seen(inFlight), inFlight.reusedId], [["next", 1, "5-6"], undefined]);
});

Deno.test("an id that comes for the first time is a new message, whatever had it before", () => {
  const inFlight = new InFlight();
  inFlight.restart(0, PacketIds.parse("5")!);
  inFlight.receive(publication(2, 5), record("new"));
  assert.deepEqual(seen(inFlight), ["new", 1, "5"]);
});

Deno.test("nothing more is taken once an id is used that is not free, and what came before is answered", () => {
  /** How an id comes to be in use. */
  const uses: readonly (readonly [what: string, use: (inFlight: InFlight) => void, answers: number])[] = [
    [
      "a message of QoS 1 that is not answered",
      (inFlight) => inFlight.receive(publication(1, 7), record("a")),
      1,
    ],
    [
      "a message of QoS 2 that is not answered",
      (inFlight) => inFlight.receive(publication(2, 7), record("a")),
      1,
    ],
    ["a release that is not answered", (inFlight) => inFlight.release(7), 1],
    ["a message of QoS 2 that is not released", (inFlight) => {
      inFlight.receive(publication(2, 7), record("a"));
      assert.equal(answersUpTo(inFlight, 1), `${PUBREC} 7`);
    }, 0],
  ];
  for (const [what, use, answers] of uses) {
    const inFlight = new InFlight();
    inFlight.restart(0, new PacketIds());
    use(inFlight);
    const { count } = inFlight;
    assert.deepEqual([inFlight.reusedId, inFlight.isUsedUp], [undefined, false], what);
    inFlight.receive(publication(1, 7), record("b"));
    assert.deepEqual([inFlight.reusedId, inFlight.isUsedUp], [7, answers === 0], what);
    inFlight.receive(publication(1, 8), record("c"));
    inFlight.receive(publication(2, 7), record("c"));
    inFlight.release(9);
    assert.deepEqual([inFlight.count, inFlight.unacknowledged, inFlight.reusedId], [count, answers, 7], what);
    inFlight.settle(1);
    assert.equal(inFlight.isUsedUp, answers === 0, what);
    assert.equal(inFlight.acknowledge(1).length, answers, what);
    assert.equal(inFlight.isUsedUp, true, what);
    inFlight.restart(1, new PacketIds());
    assert.deepEqual([inFlight.reusedId, inFlight.isUsedUp], [undefined, false], what);
  }
});

Deno.test("an id is free once its message is answered, and of QoS 2 once its release is", () => {
  const inFlight = new InFlight();
  inFlight.restart(0, new PacketIds());
  inFlight.receive(publication(1, 7), record("a"));
  inFlight.acknowledge(1);
  inFlight.receive(publication(2, 7), record("b"));
  inFlight.acknowledge(2);
  inFlight.release(7);
  inFlight.acknowledge(3);
  inFlight.receive(publication(1, 7), record("c"));
  assert.equal(inFlight.reusedId, undefined);
});

Deno.test("of another connection what has no answer stays, and the rest comes again", () => {
  const inFlight = new InFlight();
  inFlight.restart(0, new PacketIds());
  inFlight.receive(publication(0), record("taken"));
  inFlight.receive(publication(1, 1), record("a"));
  inFlight.receive(publication(0), record("stays"));
  inFlight.receive(publication(2, 2), record("b"));
  inFlight.release(3);
  inFlight.settle(2);
  inFlight.restart(2, PacketIds.parse("9")!);
  assert.deepEqual([inFlight.count, inFlight.unacknowledged, inFlight.bytes], [1, 0, STEP_BYTES + 5]);
  assert.deepEqual(seen(inFlight), ["stays", 1, "9"]);
  assert.deepEqual([inFlight.has(1), inFlight.has(2), inFlight.has(3), inFlight.has(4)], [
    false,
    true,
    true,
    false,
  ]);
  assert.equal(answersUpTo(inFlight, 3), "");
  // All of them may be used again.
  for (const id of [1, 2, 3]) inFlight.receive(publication(1, id), record(`${id}`));
  assert.deepEqual([inFlight.reusedId, seen(inFlight)], [undefined, ["1,2,3", 3, "9"]]);
});

Deno.test("ids that were handed out are not changed by what comes later", () => {
  const inFlight = new InFlight();
  const ids = PacketIds.parse("1-3")!;
  inFlight.restart(0, ids);
  const before = inFlight.look(...ALL).ids;
  inFlight.release(2);
  inFlight.receive(publication(2, 4), record("a"));
  assert.equal(answersUpTo(inFlight, 2), `${PUBCOMP} 2,${PUBREC} 4`);
  assert.deepEqual([`${ids}`, `${before}`, seen(inFlight)], ["1-3", "1-3", ["", 0, "1,3-4"]]);
});

Deno.test("many steps are gone through in parts", () => {
  const inFlight = new InFlight();
  inFlight.restart(0, new PacketIds());
  for (let i = 0; i < 3000; i++) inFlight.receive(publication(1, i + 1), record(`${i}`));
  for (const step of [1000, 1001, 1500, 1501, 1502, 2600, 2999]) {
    inFlight.settle(step);
    assert.deepEqual([inFlight.count, seen(inFlight, 1)[0]], [3000 - step, `${step}`]);
    assert.equal(inFlight.has(step) && !inFlight.has(step - 1), true);
  }
  assert.deepEqual(
    inFlight.acknowledge(3000).map(({ id }) => id),
    Array.from({ length: 3000 }, (_, i) => i + 1),
  );
  assert.deepEqual([inFlight.count, inFlight.bytes], [0, 0]);
});

Deno.test("of several packet ids that are used again the first is told", () => {
  const inFlight = new InFlight();
  inFlight.restart(0, new PacketIds());
  for (const id of [7, 8, 8, 7]) inFlight.receive(publication(1, id), record("a"));
  assert.equal(inFlight.reusedId, 8);
});
