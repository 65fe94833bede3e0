/** What is remembered of nodes as text, and brought back from it. */
import assert from "node:assert/strict";
import { compileMapping } from "../../../../src/codec/mapping/event_mapping.ts";
import { SparkplugReader } from "../../../../src/codec/sparkplug/sparkplug_reader.ts";
import { EventBatch } from "../../../../src/event/event_batch.ts";
import { CertificateStore } from "../../../../src/sources/mqtt/sparkplug/certificate_store.ts";
import { SessionMemory } from "../../../../src/sources/mqtt/sparkplug/session_memory.ts";
import { ARRIVED_MS, contentOf } from "../../../codec/mapping/read.ts";
import { encoded } from "../../../codec/sparkplug/messages.ts";
import { temporaryDirectory } from "../../../support/executable.ts";

const MAPPING = compileMapping({ format: "sparkplug", name: "{path}", labels: "x:{key}" });

/** A reader with its memory in a file. */
function remembering(path: string) {
  assert.ok("ok" in MAPPING && MAPPING.ok !== undefined);
  const reader = new SparkplugReader(MAPPING.ok, () => {});
  const store = CertificateStore.open(path);
  const memory = new SessionMemory(reader, store);
  /** What a message of a node comes to. */
  const hear = (type: string, node: string, seq: number | undefined, name?: string) => {
    const metrics = [{ ...(name !== undefined && { name }), alias: 1, type: "Int8", value: 1 }];
    const payload = encoded({ ...(seq !== undefined && { seq }), metrics });
    const batch = new EventBatch();
    batch.reset(payload);
    reader.begin(batch);
    reader.read(batch, 0, payload.length, { topic: `spBv1.0/g/${type}/${node}`, arrivedMs: ARRIVED_MS });
    const { events, invalid } = contentOf(batch);
    return [...events.map((event) => event.name), ...invalid.map(({ detail }) => detail.split(",")[0])]
      .join();
  };
  return { hear, memory, store, [Symbol.dispose]: () => store.close() };
}

async function withFile(work: (path: string) => void): Promise<void> {
  await using directory = await temporaryDirectory();
  work(`${directory.path}/births.sqlite`);
}

const rollOf = (text: string) => text.split(" ")[0];
/** Of the births that a text refers to. */
const digestOf = (text: string) => /\.([\w-]{16}) /.exec(text)![1];

Deno.test("the text has the births, the last number of each node, and a number that no other text has", () =>
  withFile((path) => {
    using one = remembering(path);
    const { hear, memory } = one;
    assert.deepEqual([memory.text(), memory.text()], ["- - 1", "- - 2"]);
    assert.equal(hear("NBIRTH", "n", 0, "a"), "g/n/a");
    const born = memory.text();
    assert.match(born, /^\d+\.[\w-]{16} 00 3$/);
    assert.equal(hear("NDATA", "n", 1), "g/n/a");
    assert.equal(memory.text(), `${rollOf(born)} 01 4`, "the births are the same");
    hear("NBIRTH", "m", 0, "b");
    const both = memory.text();
    assert.notEqual(rollOf(both), rollOf(born));
    assert.match(both, / 0100 5$/);
  }));

Deno.test("what a text says is remembered elsewhere, and nothing else is", () =>
  withFile((path) => {
    let text: string;
    {
      using before = remembering(path);
      const { hear, memory } = before;
      for (const [node, name] of [["n", "a"], ["m", "b"], ["o", "c"]] as const) hear("NBIRTH", node, 0, name);
      for (let seq = 1; seq <= 17; seq++) hear("NDATA", "m", seq);
      hear("NDATA", "o", 1);
      text = memory.text();
      assert.match(text, / 001101 1$/);
    }
    using after = remembering(path);
    const { hear, memory } = after;
    hear("NBIRTH", "other", 0, "z");
    assert.equal(memory.restore(text.replace(/1$/, "41")), true);
    assert.equal(memory.text(), text.replace(/1$/, "42"), "the same, and the births are not saved again");
    assert.match(hear("NDATA", "other", 1), /has no name/);
    assert.equal(hear("NDATA", "n", 1), "g/n/a");
    assert.equal(hear("NDATA", "m", 18), "g/m/b");
    assert.match(hear("NDATA", "o", 3), /may be another one/, "it goes on at two");
    assert.equal(memory.restore(text), true);
    assert.match(memory.text(), / 43$/, "no number comes twice");
    assert.equal(memory.restore(undefined), true);
    assert.equal(memory.text(), "- - 44");
    assert.match(hear("NDATA", "n", 1), /has no name/);
  }));

Deno.test("births that are not there are nobody's, and those that no text needs any more are deleted", () =>
  withFile((path) => {
    using one = remembering(path);
    const { hear, memory } = one;
    hear("NBIRTH", "n", 0, "a");
    const first = memory.text();
    hear("NBIRTH", "n", 0, "b");
    const second = memory.text();
    memory.keepFrom("- - 9");
    memory.keepFrom("no text");
    assert.equal(memory.restore(first), true, "nothing was deleted");
    assert.equal(hear("NDATA", "n", 1), "g/n/a");
    assert.equal(memory.restore(second), true);
    memory.keepFrom(second);
    memory.keepFrom(second);
    assert.equal(memory.restore(first), false);
    assert.match(memory.text(), /^- - /);
    assert.match(hear("NDATA", "n", 1), /has no name/);
    assert.equal(memory.restore(second), true);
    assert.equal(hear("NDATA", "n", 1), "g/n/b");
  }));

Deno.test("what came since the mark can be taken back", () =>
  withFile((path) => {
    using one = remembering(path);
    const { hear, memory } = one;
    hear("NBIRTH", "n", 0, "a");
    memory.mark();
    const before = memory.text();
    hear("NDATA", "n", 1);
    hear("NBIRTH", "m", 0, "b");
    memory.undo();
    const after = memory.text();
    assert.equal(digestOf(after), digestOf(before), "the births are those of before");
    assert.match(after, / 00 2$/);
    assert.equal(hear("NDATA", "n", 1), "g/n/a", "it comes again");
    memory.mark();
    memory.undo();
    assert.match(memory.text(), / 01 3$/);
    assert.match(hear("NDATA", "m", 1), /has no name/);
  }));

Deno.test("births that cannot be saved leave nothing behind, and are saved once they can be", () =>
  withFile((path) => {
    using one = remembering(path);
    const { hear, memory, store } = one;
    const change = (sql: string) => store["database"].exec(sql);
    hear("NBIRTH", "n", 0, "a");
    change("CREATE TRIGGER full BEFORE INSERT ON certificate BEGIN SELECT RAISE(ABORT, 'full'); END");
    for (let time = 0; time < 2; time++) assert.throws(() => memory.text(), /^Error: full$/);
    change("DROP TRIGGER full");
    const text = memory.text();
    assert.match(text, /^1\./, "the first one that is there");
    assert.equal(memory.restore(text), true);
    assert.equal(hear("NDATA", "n", 1), "g/n/a");
  }));

Deno.test("a node whose messages have no numbers is remembered without one", () =>
  withFile((path) => {
    using one = remembering(path);
    const { hear, memory } = one;
    hear("NBIRTH", "n", undefined, "a");
    hear("NBIRTH", "m", 0, "b");
    hear("NDATA", "n", undefined);
    const text = memory.text();
    assert.match(text, / --00 1$/);
    assert.equal(memory.restore(text), true);
    assert.match(memory.text(), / --00 2$/);
  }));
