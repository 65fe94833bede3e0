import assert from "node:assert/strict";
import { jsonSchema } from "../../src/settings/json_schema.ts";
import { CATALOGUE, GIVEN_NAMES } from "./sources.ts";

interface Property {
  readonly type: string;
  readonly description: string;
  readonly enum?: readonly string[];
  readonly default?: string;
  readonly writeOnly?: boolean;
  readonly examples?: readonly string[];
}

const { properties, patternProperties } = jsonSchema(CATALOGUE) as {
  readonly properties: Readonly<Record<string, Property>>;
  readonly patternProperties: Readonly<Record<string, Property>>;
};

Deno.test("the schema has every name that may be given, and what each is", () => {
  assert.deepEqual(Object.keys(properties).sort(), GIVEN_NAMES.toSorted());
  for (const [name, { type, description }] of Object.entries(properties)) {
    assert.equal(type, "string");
    assert.match(description, /^[\p{Lu}\d].*\.$/su, name);
  }
  assert.deepEqual(properties.LOG_LEVEL!.enum, ["debug", "info", "warn", "error"]);
  assert.equal(properties.MAX_SERIES!.default, "1000000");
});

Deno.test("defaults and examples are values that are allowed; a secret has neither", () => {
  for (const name of CATALOGUE.names) {
    const { enum: words, default: value, examples, writeOnly } = properties[name]!;
    const { secret, type } = CATALOGUE.variable(name);
    assert.equal(writeOnly === true, secret === true, name);
    if (secret) assert.deepEqual([value, examples], [undefined, undefined], name);
    for (const text of [...(value === undefined ? [] : [value]), ...(examples ?? [])]) {
      assert.ok(type.schema.safeParse(text).success, `${name}=${text}`);
      if (words !== undefined) assert.ok(words.includes(text), `${name}=${text}`);
    }
  }
});

Deno.test("the settings of a sink with an id are those of its kind", () => {
  const patterns = Object.entries(patternProperties).filter(([pattern]) =>
    new RegExp(pattern).test("HISTORY_POSTGRES_CONNECTION_STRING")
  );
  assert.equal(patterns.length, 1);
  assert.equal(patterns[0]![1].writeOnly, true);
  const none = Object.keys(patternProperties).filter((pattern) =>
    new RegExp(pattern).test("HISTORY_LOG_LEVEL")
  );
  assert.deepEqual(none, []);
});
