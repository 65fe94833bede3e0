import assert from "node:assert/strict";
import { EntryRecords } from "../../../src/sources/redis/entry_records.ts";
import { LongText } from "../../../src/sources/redis/resp_reader.ts";

/** As much of a record as is kept of any that is too long. */
const KEPT_BYTES = 64 * 1024;
const bytesOf = (text: string) => new TextEncoder().encode(text);
const OBJECT = String.raw`{"name":"a","value":"say \"1\""}`;
const contentOf = (field: string | undefined, ...fields: (Uint8Array | LongText)[]) => {
  const { bytes, problem } = new EntryRecords("line-1", field).recordOf({ id: "5-1", fields }, 7);
  return { text: new TextDecoder().decode(bytes), problem };
};

Deno.test("an entry is an object of its fields, or what one of them has", () => {
  const fields = ["name", "a", "value", 'say "1"'].map(bytesOf);
  assert.deepEqual(contentOf(undefined, ...fields), { text: OBJECT, problem: undefined });
  assert.deepEqual(contentOf("value", ...fields), { text: 'say "1"', problem: undefined });
  assert.deepEqual(contentOf("a", ...fields), {
    text: OBJECT,
    problem: "an entry without the field a, which field= of the URL names",
  });
  const { offset, topic, key, busMs, arrivedMs } = new EntryRecords("line-1", "name")
    .recordOf({ id: "5-1", fields }, 7);
  assert.deepEqual({ offset, topic, key, busMs, arrivedMs }, {
    offset: undefined,
    topic: "line-1",
    key: "5-1",
    busMs: 5,
    arrivedMs: 7,
  });
});

Deno.test("what JSON cannot hold as it is is escaped, in names and values", () => {
  const fields = ["a\n", '\u0000"\\\u001f \u007fä'];
  const { text } = contentOf(undefined, ...fields.map(bytesOf));
  assert.deepEqual(JSON.parse(text), { [fields[0]!]: fields[1] });
});

Deno.test("of an entry that is too long the beginning is kept", () => {
  const long = new LongText(bytesOf("1".repeat(KEPT_BYTES)), 3_000_000);
  const whole = contentOf(undefined, bytesOf("value"), long);
  assert.equal(whole.text, `{"value":"${"1".repeat(KEPT_BYTES)}`.slice(0, KEPT_BYTES));
  assert.match(whole.problem!, /^a record of 3000005 bytes, /);
  const field = contentOf("value", bytesOf("value"), long);
  assert.equal(field.text, "1".repeat(KEPT_BYTES));
  assert.match(field.problem!, /^a record of 3000000 bytes, /);
});

Deno.test("a field is found by its whole name", () => {
  for (const other of ["nam", "names", "fame", "namE", "nome"]) {
    const fields = [other, "wrong", "name", "right"].map(bytesOf);
    assert.deepEqual(contentOf("name", ...fields), { text: "right", problem: undefined }, other);
  }
  const long = new LongText(bytesOf("name"), 4);
  assert.equal(contentOf("name", long, bytesOf("wrong"), bytesOf("name"), bytesOf("right")).text, "right");
});
