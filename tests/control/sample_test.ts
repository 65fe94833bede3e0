import assert from "node:assert/strict";
import { readSample, type SampleEvent } from "../../src/control/sample.ts";
import { encoded } from "../codec/sparkplug/messages.ts";
import { NO_EVENT_TEXTS } from "../sources/event_texts.ts";

function shown(event: SampleEvent): string {
  return "raw" in event ? event.refusal : `${event.name}${event.labels} ${event.value}`;
}

Deno.test("a sample of Sparkplug is messages in their order, or metrics of dead letters", () => {
  const birth = { seq: 0, metrics: [{ name: "a", alias: 1, type: "Int8", value: 1 }] };
  const data = { seq: 1, metrics: [{ alias: 1, type: "Int8", value: 2 }] };
  const lines = [
    `spBv1.0/g/NDATA/n ${encoded(data).toHex()}`,
    `spBv1.0/g/NBIRTH/n ${encoded(birth).toHex()}`,
    `spBv1.0/g/NDATA/n ${encoded(data).toHex()}`,
    "STATE/host 00",
    '{"group":"g","node":"n","metric":"a","value":3,"timestamp":5}',
    "nothing of this",
  ];
  const texts = { ...NO_EVENT_TEXTS, format: "sparkplug" };
  const settings = { functions: "*=sum", maxFutureSkewMs: 1e15 };
  const records = [...readSample(new TextEncoder().encode(lines.join("\n")), texts, settings, 0)];
  assert.deepEqual(records.map(({ events }) => events.map(shown)), [
    [
      "invalid: the metric with the alias 1 has no name: no birth certificate of its node or device is known",
    ],
    ['a{"group":"g","node":"n"} 1'],
    ['a{"group":"g","node":"n"} 2'],
    [],
    ['a{"group":"g","node":"n"} 3'],
    ["invalid: no metric as JSON; a Sparkplug message that could not be read stays so"],
  ]);
});

const recordsOf = (text: string, format: string) => {
  const settings = { functions: "*=sum", maxFutureSkewMs: 1e15 };
  return [...readSample(new TextEncoder().encode(text), { ...NO_EVENT_TEXTS, format }, settings, 0)]
    .map(({ events }) => events.map(shown));
};

Deno.test("a byte order mark before a sample is no part of it", () => {
  const event = '{"name":"m","value":1,"timestamp":5}';
  for (const text of [`${event}\n`, `[${event}]`, `[\n${event}\n]`]) {
    assert.deepEqual(recordsOf(`\ufeff${text}`, "json"), recordsOf(text, "json"), text);
  }
});

Deno.test("a sample of line protocol is one record a line, without comments", () => {
  const lines = ["# of a plant", "m,host=a x=1,y=2i 5", "", "m x= 5", 'm t="a\nb",x=3 5', "m x=4 5\r"];
  assert.deepEqual(recordsOf(lines.join("\n"), "influx"), [
    ['m.x{"host":"a"} 1', 'm.y{"host":"a"} 2'],
    [`invalid: the field "x=" is not FIELD=VALUE`],
    ["m.xundefined 3"],
    ["m.xundefined 4"],
  ]);
});

Deno.test("a sample of CSV is one record a row, as many as there are, under the header above", () => {
  const rows = Array.from({ length: 12_000 }, (_, i) => `n;${i};5`);
  const shownRows = recordsOf(`\ufeffname;value;timestamp\r\n${rows.join("\r\n")}\r\n`, "csv");
  assert.deepEqual(shownRows, rows.map((_, i) => [`nundefined ${i}`]));
  const joined = recordsOf('name,value,timestamp\n"a\nb",1,5\n\nn,x,5\nvalue,name,timestamp\n7,n,5', "csv");
  assert.deepEqual(joined, [
    ["a\nbundefined 1"],
    ['invalid: the value in the column value "x" is no number'],
    ["nundefined 7"],
  ]);
  assert.deepEqual(recordsOf("name,value,timestamp\n", "csv"), [["invalid: no row under the header"]]);
});
