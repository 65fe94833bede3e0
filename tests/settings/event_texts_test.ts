/** How the records of one bus are read, by the parameters of its URL. */
import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { REGISTRY } from "../../src/runtime/registry.ts";
import { EVENT_SETTINGS, isEventParameter, parameterOf, partEvents } from "../../src/settings/event_texts.ts";
import type { EventTexts } from "../../src/settings/declaration.ts";
import { sourcesOf } from "./sources.ts";
import { sourceUrls } from "../../src/settings/source_url.ts";

const TEXTS = Object.keys(EVENT_SETTINGS) as (keyof EventTexts)[];

Deno.test("each setting of records has a parameter", () => {
  assert.deepEqual(TEXTS.map(parameterOf), [
    "format",
    "name",
    "value",
    "timestamp",
    "time_unit",
    "function",
    "id",
    "labels",
  ]);
  for (const text of TEXTS) assert.ok(isEventParameter(parameterOf(text)));
  for (const other of ["token", "Format", "timeUnit", "", "constructor"]) assert.ok(!isEventParameter(other));
});

Deno.test("parameters of records leave the URL, and all others stay in it in their order", () => {
  assert.deepEqual(partEvents("http://bus:8000?format=influx"), {
    url: "http://bus:8000",
    events: { format: "influx" },
  });
  assert.deepEqual(partEvents("tcp://bus/a?qos=1&time_unit=ms&x&name={/a}.{/b}&y="), {
    url: "tcp://bus/a?qos=1&x&y=",
    events: { timeUnit: "ms", name: "{/a}.{/b}" },
  });
  assert.deepEqual(partEvents("http://bus"), { url: "http://bus", events: {} });
});

Deno.test("a parameter is percent-decoded, and has all behind its first equals sign", () => {
  const { events } = partEvents("http://bus?labels=host:%7Btag:host%7D,a:/b=c&value=/m%26n") as {
    events: Partial<EventTexts>;
  };
  assert.deepEqual(events, { labels: "host:{tag:host},a:/b=c", value: "/m&n" });
});

Deno.test("a question mark before an @ is one of a password", () => {
  const url = "http://user:what?format=csv@bus";
  assert.deepEqual(partEvents(url), { url, events: {} });
});

for (
  const [query, problem] of [
    ["format=", /has a parameter format that is empty/],
    ["name=a&value=/v&name=b", /has the parameter name twice/],
    ["labels=%zz", /has a parameter labels with a % that does not begin a percent-encoded character/],
  ] as const
) {
  Deno.test(`?${query} is refused`, () => {
    const parted = partEvents(`http://bus?${query}`);
    assert.match("problem" in parted ? parted.problem : "", problem);
  });
}

Deno.test("any texts come back from a URL that has them encoded", () => {
  const texts = fc.record(
    Object.fromEntries(TEXTS.map((text) => [text, fc.string({ unit: "grapheme", minLength: 1 })])),
    { requiredKeys: [], noNullPrototype: true },
  ) as fc.Arbitrary<Partial<EventTexts>>;
  fc.assert(fc.property(texts, (events) => {
    const query = Object.entries(events).map(([text, value]) =>
      `${parameterOf(text as keyof EventTexts)}=${encodeURIComponent(value!)}`
    );
    const url = query.length === 0 ? "http://bus" : `http://bus?${query.join("&")}`;
    assert.deepEqual(partEvents(url), { url: "http://bus", events });
  }));
});

Deno.test("each bus of several has its own parameters, and they are shown", () => {
  const type = sourceUrls(REGISTRY.sources);
  const text = "http://a?format=influx&labels=x:{tag:x},y:{field},http://b?format=value,http://c";
  assert.deepEqual(type.schema.parse(text).map(({ url, events }) => [url, events]), [
    ["http://a", { format: "influx", labels: "x:{tag:x},y:{field}" }],
    ["http://b", { format: "value" }],
    ["http://c", {}],
  ]);
  assert.match(type.mask!(text), /format=influx/);
  const { success, error } = type.schema.safeParse("http://a?format=");
  assert.equal(success, false);
  assert.match(error!.issues[0]!.message, /has a parameter format that is empty/);
});

Deno.test("Sparkplug is read from MQTT alone, and a wrong template is pointed to", () => {
  const faults = (environment: Record<string, string>) => {
    try {
      REGISTRY.configure(sourcesOf({ environment: { STORAGE_TYPE: "stdout", ...environment } }));
    } catch (error) {
      return (error as Error).message;
    }
    return "";
  };
  const broker = "mqtt://broker/spBv1.0/%23";
  assert.equal(faults({ VABUS_URL: broker, EVENT_FORMAT: "sparkplug", EVENT_NAME: "{node}.{metric}" }), "");
  assert.equal(faults({ VABUS_URL: `${broker}?format=sparkplug,http://bus:8000` }), "");
  assert.match(
    faults({ VABUS_URL: `${broker},http://bus:8000`, EVENT_FORMAT: "sparkplug" }),
    /EVENT_FORMAT="sparkplug" \(environment\) is sparkplug, which only an MQTT bus carries: give that bus format=sparkplug/,
  );
  assert.match(
    faults({ VABUS_URL: "http://bus:8000?format=sparkplug" }),
    /VABUS_URL.* has a parameter format for http:\/\/bus:8000\/ that is sparkplug, which only an MQTT bus carries/,
  );
  const wrong = faults({ VABUS_URL: broker, EVENT_FORMAT: "sparkplug", EVENT_NAME: "{node}.{field}" });
  assert.match(wrong, /EVENT_NAME=.* has a hole \{field\}, which nothing fills here in the format sparkplug/);
  assert.match(wrong, /\n +\{node\}\.\{field\}\n +\^/);
});
