/** What an instance does about a partition, case by case; and how a partition is held. */
import assert from "node:assert/strict";
import { nextStep, type Step, type View } from "../../../src/sources/kafka/hand_over.ts";
import {
  type HandOverRecord,
  metadataOf,
  offsetOf,
  readRecord,
} from "../../../src/sources/kafka/hand_over_record.ts";
import {
  entered,
  givenAway,
  holdingText,
  readHolding,
  readingOf,
} from "../../../src/sources/kafka/holding.ts";

const HELD: HandOverRecord = { epoch: 3, by: "plant-9", from: 40, begun: 7, givenTo: undefined };
const given = (index: number, count = 2): HandOverRecord => ({ ...HELD, givenTo: { index, count } });
const HANDED: HandOverRecord = {
  epoch: 0,
  by: "plant-0",
  from: "newest",
  begun: undefined,
  givenTo: { index: 1, count: 2 },
};
const STRANGER = { strangerAt: 9 };

/** The view of instance 1 of 2 on a partition. */
interface Case {
  readonly own?: string;
  readonly found?: View["found"];
  readonly partition?: number;
  readonly index?: number;
  readonly takesOver?: boolean;
}

function stepOf({ own, found, partition = 1, index = 1, takesOver = false }: Case): Step {
  return nextStep({
    partition,
    instance: `plant-${index}`,
    share: { index, count: 2 },
    own: own === undefined ? undefined : readHolding(own),
    found,
    takesOver,
    beginning: "newest",
  });
}

const take = (epoch: number, from: number | string, begun?: number) => ({ kind: "take", epoch, from, begun });
const wait = (why?: string, say?: HandOverRecord) => ({ kind: "wait", why, ...(say && { say }) });
const lost = (why: string) => ({ kind: "lost", why });
const BY_OWNER = "this instance has given it to instance 0 of 2";
const SAID: HandOverRecord = { epoch: 3, by: "plant-1", from: 50, begun: 7, givenTo: { index: 0, count: 2 } };
const GIVEN = "50 epoch 3 begun 7 read 40 given 0/2";
const OWN = "50 epoch 3 begun 7 read 40";

const CASES: readonly (readonly [what: string, view: Case, step: unknown])[] = [
  ["nobody has read it, and it is another's", {}, wait("instance 0 has not handed it out")],
  ["nobody has read it, and it is none of ours", { partition: 0 }, wait()],
  ["nobody has read it: instance 0 takes its own", { index: 0, partition: 0 }, take(1, "newest")],
  ["nobody has read it: instance 0 hands out", { index: 0 }, wait(undefined, HANDED)],
  ["nobody has read it, and it is taken over", { takesOver: true }, take(1, "newest")],
  ["none of ours is not taken over", { takesOver: true, partition: 0 }, wait()],
  [
    "instance 0 hands out what is not its own, whatever it takes over",
    { index: 0, takesOver: true },
    wait(undefined, HANDED),
  ],
  ["it was handed out to us", { found: HANDED }, take(1, "newest")],
  [
    "it was handed out to another",
    { found: { ...HANDED, givenTo: { index: 0, count: 2 } } },
    wait("it was given to instance 0 of 2, which has not taken it"),
  ],
  ["what was handed out is not what was read alone", { own: "5", found: HANDED }, { kind: "read" }],
  ["it was given to us", { found: given(1) }, take(4, 40, 7)],
  [
    "it was given to us with an old count, to give it on",
    { found: given(1, 9), partition: 0 },
    take(4, 40, 7),
  ],
  [
    "it was given to us, since we have read another epoch",
    { own: "9 epoch 1 read 0", found: given(1) },
    take(4, 40, 7),
  ],
  ["another has it", { found: HELD }, wait("plant-9 has not given it away")],
  ["another has what is none of ours", { found: HELD, partition: 0 }, wait()],
  ["another has it, and it is taken over", { found: HELD, takesOver: true }, take(4, 40, 7)],
  ["another was given it, and it is taken over", { found: given(0), takesOver: true }, take(4, 40, 7)],
  [
    "we have it, says the group, and not the state",
    { found: { ...HELD, by: "plant-1" } },
    wait(
      "the group says that this instance has it, but the state does not: was it emptied? Restore it. " +
        "Or does another instance have this INSTANCE_ID?",
    ),
  ],
  [
    "somebody alone has read it",
    { found: STRANGER },
    wait("it was read by a handler without INSTANCE_COUNT, to offset 9: start that one as an instance"),
  ],
  ["somebody alone has read it, and it is taken over", { found: STRANGER, takesOver: true }, take(1, 9, 0)],
  ["somebody alone has read what is none of ours", { found: STRANGER, partition: 0 }, wait()],
  ["we were alone, and the group knows nothing", { own: "5" }, { kind: "read" }],
  ["we were alone", { own: "5", found: STRANGER }, { kind: "read" }],
  ["we were alone, and it is another's now", { own: "5", found: STRANGER, partition: 0 }, {
    kind: "give",
    to: { index: 0, count: 2 },
  }],
  ["we have it", { own: OWN, found: { ...HELD, by: "plant-1" } }, { kind: "read" }],
  ["we have it, and the group does not know yet", { own: OWN, found: { ...HELD, epoch: 2 } }, {
    kind: "read",
  }],
  ["we have it, and the group knows nothing", { own: OWN }, { kind: "read" }],
  ["we have it, and it is another's", { own: OWN, partition: 0 }, {
    kind: "give",
    to: { index: 0, count: 2 },
  }],
  [
    "another has it in the same epoch",
    { own: OWN, found: HELD },
    lost(
      "plant-9 has it in the same epoch 3: do two instances have INSTANCE_INDEX 1?",
    ),
  ],
  [
    "another has taken it",
    { own: OWN, found: { ...HELD, epoch: 4 } },
    lost("plant-9 has it from offset 40 on"),
  ],
  [
    "another has taken and given it",
    { own: OWN, found: { ...given(0), epoch: 4 } },
    lost("instance 0 of 2 has it from offset 40 on"),
  ],
  [
    "it was given in our epoch by another",
    { own: OWN, found: given(0) },
    lost("instance 0 of 2 has it from offset 40 on"),
  ],
  ["we have given it, and the group does not know yet", { own: GIVEN, found: HELD }, wait(BY_OWNER, SAID)],
  ["we have given it, and the group knows nothing", { own: GIVEN }, wait(BY_OWNER, SAID)],
  [
    "we have given it, and say of which topic",
    { own: `${GIVEN} of id`, found: HELD },
    wait(BY_OWNER, { ...SAID, topicId: "id" }),
  ],
  ["it was given to us with its topic", { found: { ...given(1), topicId: "id" } }, {
    ...take(4, 40, 7),
    topicId: "id",
  }],
  [
    "we have given it, and say which leader has written the record before",
    { own: GIVEN.replace(" epoch", " leader 6 epoch"), found: HELD },
    wait(BY_OWNER, { ...SAID, leaderEpoch: 6 }),
  ],
  ["it was given to us with the leader of the record before", { found: { ...given(1), leaderEpoch: 6 } }, {
    ...take(4, 40, 7),
    leaderEpoch: 6,
  }],
  ["we have given it with its topic, and take it over", { own: `${GIVEN} of id`, takesOver: true }, {
    ...take(4, 50, 7),
    topicId: "id",
  }],
  ["we have given it", { own: GIVEN, found: given(0) }, wait(BY_OWNER)],
  ["we have given what is none of ours", { own: GIVEN, found: given(0), partition: 0 }, wait()],
  [
    "we have given it, and take it over again",
    { own: GIVEN, found: given(0), takesOver: true },
    take(4, 50, 7),
  ],
  [
    "none of ours is not taken over again",
    { own: GIVEN, found: given(0), takesOver: true, partition: 0 },
    wait(),
  ],
  [
    "we have given it, and another has it",
    { own: GIVEN, found: { ...HELD, epoch: 4 } },
    wait("plant-9 has not given it away"),
  ],
  ["we have given it, and it comes back", { own: GIVEN, found: { ...given(1), epoch: 4 } }, take(5, 40, 7)],
];

for (const [what, view, step] of CASES) {
  Deno.test(`hand-over: ${what}`, () => assert.deepEqual(stepOf(view), step));
}

Deno.test("a record of the group says in one line who has a partition, and from where it is read", () => {
  for (
    const [record, text, offset] of [
      [HELD, "vabus-1 held 3 begun 7 by plant-9", 40],
      [given(1), "vabus-1 given 3 1/2 begun 7 by plant-9", 40],
      [HANDED, "vabus-1 given 0 1/2 newest by plant-0", 0],
      [{ ...HELD, from: 0, begun: undefined }, "vabus-1 held 3 by plant-9", 0],
    ] as const
  ) {
    assert.deepEqual([metadataOf(record), offsetOf(record)], [text, offset]);
    assert.deepEqual(readRecord(offset, text), record);
    assert.equal(readRecord(-1, text), undefined);
  }
  assert.deepEqual(readRecord(0, undefined), { strangerAt: 0 });
});

Deno.test("how a partition is held: its text, what was read, and what a new epoch makes of it", () => {
  const now = "20 epoch 2 begun 4 read 0-3,5-5,15";
  const holding = readHolding(now)!;
  assert.deepEqual(holding, {
    offset: 20,
    epoch: 2,
    begun: 4,
    since: 15,
    earlier: [{ from: 0, to: 3 }, { from: 5, to: 5 }],
    givenTo: undefined,
  });
  const ranges = [{ from: 0, to: 3 }, { from: 15, to: 20 }];
  assert.deepEqual(readingOf(now), { offset: 20, ranges, epoch: 2, begun: 4, givenTo: undefined });
  assert.deepEqual(readingOf("0"), { offset: 0, ranges: [], epoch: 0, begun: 0, givenTo: undefined });
  assert.deepEqual(readingOf("7")!.ranges, [{ from: 0, to: 7 }]);
  assert.equal(readingOf("8 epoch 1 read 8")!.begun, undefined);
  assert.equal(readingOf("x"), undefined);
  assert.deepEqual([readHolding(`${2 ** 53 - 1}`)?.offset, readHolding(`${2 ** 53}`)], [
    2 ** 53 - 1,
    undefined,
  ]);
  const to = { index: 1, count: 4 };
  assert.equal(holdingText(givenAway(holding, to, undefined)), `${now} given 1/4`);
  assert.equal(
    holdingText(givenAway(readHolding("5")!, to, "id")),
    "5 epoch 0 begun 0 read 0 given 1/4 of id",
  );
  for (
    const [own, epoch, begun, text] of [
      [undefined, 1, undefined, "30 epoch 1 read 30"],
      [undefined, 1, 2, "30 epoch 1 begun 2 read 30"],
      ["20", 1, undefined, "30 epoch 1 begun 0 read 0-20,30"],
      [now, 1, 9, now],
      [now, 2, 9, now],
      [now, 3, undefined, "30 epoch 3 begun 4 read 0-3,15-20,30"],
      [`${now} given 1/4 of id`, 3, 9, "30 epoch 3 begun 9 read 0-3,15-20,30"],
    ] as const
  ) {
    const entering = entered(own === undefined ? undefined : readHolding(own), epoch, 30, begun);
    assert.equal(holdingText(entering), text);
  }
});
