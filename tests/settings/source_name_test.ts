/** `?source=`: the operator's name for a bus of any kind. */
import assert from "node:assert/strict";
import { busOffset, sourceUrls } from "../../src/settings/source_url.ts";
import { createSources } from "../../src/runtime/parts.ts";
import { REGISTRY } from "../../src/runtime/registry.ts";
import { loadConfig, sourcesOf } from "./sources.ts";

const type = sourceUrls(REGISTRY.sources);

Deno.test("each kind of bus may have a name, which is no part of its URL and no secret", () => {
  const text = "http://u:s3cr3t@a?source=one,kafka://b:9092/t?start=newest&source=two%20%2F%20T%C3%BCr," +
    "file:///x/*.csv?source=three&format=csv&follow=true,listen://127.0.0.1:1?source=four,stdin:?source=five";
  const read = type.schema.parse(text);
  assert.deepEqual(read.map(({ kind, name, url }) => [kind, name, url]), [
    ["vabus", "one", "http://u:s3cr3t@a"],
    ["kafka", "two / Tür", "kafka://b:9092/t?start=newest"],
    ["file", "three", "file:///x/*.csv?follow=true"],
    ["listen", "four", "listen://127.0.0.1:1"],
    ["file", "five", "stdin:"],
  ]);
  assert.equal(read[2]!.events.format, "csv");
  assert.match(type.mask!(text), /a\?source=one,.*start=newest&source=two/);
  assert.equal(type.schema.parse("http://a")[0]!.name, undefined);
});

for (
  const [query, problem] of [
    ["source=", /source that is empty/],
    ["source=a&source=b", /the parameter source twice/],
    [`source=${"x".repeat(65)}`, /more than 64 characters/],
    ["source=%1b[2J", /characters that cannot be seen/],
    ["source=a%E2%80%AEb", /characters that cannot be seen/],
    ["source=%20a", /spaces around it/],
    ["source=http%3A%2F%2Fb", /has a : or = or comma/],
    ["source=a%3D1", /has a : or = or comma/],
    ["source=%ff", /is not percent-encoded text/],
  ] as const
) {
  Deno.test(`?${query.slice(0, 30)} is refused`, () => {
    const { error } = type.schema.safeParse(`file:///a?${query}`);
    assert.match(error!.issues[0]!.message, problem);
  });
}

Deno.test("every kind of source has the name that its bus has", async () => {
  const urls = [
    "http://a",
    "kafka://b:9092/t",
    "redis://c:6379/key",
    "mqtt://d:1883/plant/%23",
    "nats://e:4222/STREAM",
    "listen://127.0.0.1:1",
    "file:///x/*.csv",
    "stdin:",
  ];
  for (const named of [false, true]) {
    const names = urls.map((_, i) => `bus ${i}`);
    const VABUS_URL = urls.map((url, i) => named ? `${url}?source=${names[i]}` : url).join(",");
    const config = loadConfig(sourcesOf({ environment: { VABUS_URL, STORAGE_TYPE: "stdout" } }), () => []);
    const sources = await createSources(config, REGISTRY);
    if (named) assert.deepEqual(sources.map(({ id }) => id), names);
    else {
      // A name that is given later takes over what the state has of the address.
      const addresses = config.sources.map(({ address }) => address.replace(/\/+$/, ""));
      assert.deepEqual(sources.map(({ id }) => id), addresses);
    }
    await Promise.all(sources.map((source) => source.close()));
  }
});

Deno.test("two buses of one name are refused", () => {
  const { error } = type.schema.safeParse("http://a?source=x,http://b?source=x");
  assert.match(error!.issues[0]!.message, /gives two buses the same name/);
});

Deno.test("an offset is told by the name too", () => {
  assert.deepEqual(busOffset(REGISTRY.sources).schema.parse("line 4=12"), { bus: "line 4", offset: 12 });
});
