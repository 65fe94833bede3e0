import assert from "node:assert/strict";
import { pointLabels, resourceLabels } from "../../../src/codec/otlp/attributes.ts";
import { PushError } from "../../../src/codec/push_error.ts";
import { PushedLabels } from "../../../src/codec/pushed_events.ts";

const NONE = new PushedLabels();

/** The text of an attribute, what is wrong with it, or why the request is refused. */
function textOf(value: unknown): string {
  try {
    const labels = pointLabels([{ key: "k", value }], NONE);
    return labels.problem ?? JSON.parse(labels.canonical()).k;
  } catch (error) {
    assert.ok(error instanceof PushError && error.status === 400);
    return `refused: ${error.message}`;
  }
}

/** A list in a list in … a text. */
function nested(levels: number): unknown {
  let value: unknown = { stringValue: "a" };
  for (let i = 0; i < levels; i++) value = { arrayValue: { values: [value] } };
  return value;
}

Deno.test("attributes: text and numbers are labels as they are, lists and maps as JSON", () => {
  const deep = "refused: the value of an attribute is more than 8 levels deep";
  const pair = (key: unknown, value: unknown) => ({ kvlistValue: { values: [{ key, value }] } });
  const cases: readonly (readonly [unknown, string])[] = [
    [{ stringValue: "ü" }, "ü"],
    [{ stringValue: "" }, ""],
    [{ bytesValue: "AQI=" }, "AQI="],
    [{ stringValue: 1 }, "refused: the text of an attribute is not a text"],
    [{ boolValue: true }, "true"],
    [{ boolValue: false }, "false"],
    [{ boolValue: "yes" }, ""],
    [{ intValue: 7 }, "7"],
    [{ intValue: "-9223372036854775808" }, "-9223372036854775808"],
    [{ intValue: "7.5" }, ""],
    [{ intValue: true }, ""],
    [{ doubleValue: 0.5 }, "0.5"],
    [{ doubleValue: "NaN" }, "NaN"],
    [{ doubleValue: false }, ""],
    [{ arrayValue: {} }, "[]"],
    [{ arrayValue: null }, ""],
    [{ arrayValue: { values: [{ intValue: 1 }, {}, { boolValue: true }] } }, '["1",null,true]'],
    [{ arrayValue: [] }, "refused: arrayValue is not an object"],
    [{ kvlistValue: null }, ""],
    [pair("a", { stringValue: "b" }), '{"a":"b"}'],
    [pair(1, {}), "refused: a key is not a text"],
    [{}, ""],
    [null, ""],
    [1, "refused: the value of an attribute is not an object"],
    [nested(8), `${"[".repeat(8)}"a"${"]".repeat(8)}`],
    [nested(9), deep],
    [pair("a", nested(7)), `{"a":${"[".repeat(7)}"a"${"]".repeat(7)}}`],
    [pair("a", nested(8)), deep],
    [
      { arrayValue: { values: [{ stringValue: "x".repeat(3000) }] } },
      "name and labels longer than 2048 bytes together",
    ],
  ];
  for (const [value, expected] of cases) assert.equal(textOf(value), expected, JSON.stringify(value));
});

Deno.test("attributes: those of a resource that tell of the process are no labels", () => {
  const attribute = (key: string) => ({ key, value: { stringValue: "v" } });
  const keys = [
    "telemetry.sdk",
    "process.pid",
    "os.type",
    "process",
    "my.process.pid",
    "osx",
    "service.name",
  ];
  const resource = resourceLabels({ attributes: keys.map(attribute) });
  assert.equal(resource.canonical(), '{"my.process.pid":"v","osx":"v","process":"v","service.name":"v"}');
  const own = pointLabels(
    [attribute("os.type"), { key: "process", value: { stringValue: "own" } }],
    resource,
  );
  assert.equal(
    own.canonical(),
    '{"my.process.pid":"v","os.type":"v","osx":"v","process":"own","service.name":"v"}',
  );
  assert.equal(resourceLabels(undefined).canonical(), "");
  assert.throws(() => resourceLabels([]), { message: "resource is not an object" });
  assert.throws(() => pointLabels({}, NONE), { message: "attributes is not an array" });
  assert.throws(() => pointLabels([1], NONE), { message: "an attribute is not an object" });
  assert.throws(() => pointLabels([{ key: 1 }], NONE), { message: "the key of an attribute is not a text" });
  const twice = pointLabels([attribute("a"), attribute("a"), 1], NONE);
  assert.equal(twice.problem, "a label that is there twice", "what follows a fault is not looked at");
});
