import assert from "node:assert/strict";
import { readSample, type SampleEvent } from "../../src/control/sample.ts";
import { encoded } from "../codec/sparkplug/messages.ts";

const NO_TEXTS = {
  name: undefined,
  value: undefined,
  timestamp: undefined,
  timeUnit: undefined,
  function: undefined,
  id: undefined,
  labels: undefined,
};

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
  const texts = { ...NO_TEXTS, format: "sparkplug" };
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
