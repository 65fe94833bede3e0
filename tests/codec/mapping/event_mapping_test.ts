import assert from "node:assert/strict";
import { compileMapping, type MappingTexts } from "../../../src/codec/mapping/event_mapping.ts";

/** Each fault with the text that it points to. */
function faultsOf(texts: MappingTexts): string[] {
  const compiled = compileMapping(texts);
  if (!("faults" in compiled)) return [];
  return compiled.faults.map(({ setting, problem, at }) =>
    `${setting} ${problem}${at === undefined ? "" : ` >${texts[setting]!.slice(at)}`}`
  );
}

Deno.test("nothing is set: there is no mapping", () => {
  assert.deepEqual(compileMapping({}), { ok: undefined });
  assert.deepEqual(compileMapping({ name: undefined, format: undefined }), { ok: undefined });
});

Deno.test("each fault is told with where it is in its text", () => {
  const cases: [MappingTexts, RegExp][] = [
    [{ format: "xml" }, /^format is none; there are json, value, influx, csv, sparkplug$/],
    [{ name: "a.{topik}" }, /^name has a hole \{topik\} that there is not; .* >\{topik\}$/],
    [{ name: "a{/b" }, /^name has a hole that does not end >\{\/b$/],
    [{ name: "a}b" }, /^name has a \} that ends no hole >\}b$/],
    [{ name: "}b" }, /^name has a \} that ends no hole >\}b$/],
    [{ name: "{topic}}" }, /^name has a \} that ends no hole >\}$/],
    [{ name: "{" }, /^name has a hole that does not end >\{$/],
    [{ name: "{/a~2}" }, /^name has a ~ that is neither ~0 .* >~2\}$/],
    [{ name: "{topic[x]}" }, /^name has a hole \{topic\[x\]\} that there is not/],
    [{ name: "{}" }, /^name has a hole \{\} that there is not/],
    [{ name: "{measurement}" }, /nothing fills here in the format json; .* >\{measurement\}$/],
    [{ format: "influx", name: "{/a}" }, /nothing fills here in the format influx/],
    [{ format: "value", name: "{path}" }, /nothing fills here in the format value/],
    [{ value: "value" }, /^value does not begin with \/, .* >value$/],
    [{ value: "/a/~" }, /^value has a ~ .* >~$/],
    [
      { format: "influx", value: "/a" },
      /^value points into records, and those of the format influx have no parts >\/a$/,
    ],
    [{ format: "value", timestamp: "/a" }, /^timestamp points into records/],
    [{ format: "csv", value: "/a/b" }, /^value points deeper than to a column, .* >\/b$/],
    [{ format: "csv", value: "//b" }, /^value points deeper than to a column, .* >\/b$/],
    [{ timeUnit: "min" }, /^timeUnit is none; there are s, ms, us, ns, rfc3339$/],
    [{ format: "influx", timeUnit: "rfc3339" }, /^timeUnit is no unit of line protocol/],
    [{ format: "sparkplug", name: "{field}" }, /nothing fills here in the format sparkplug; .* >\{field\}$/],
    [
      { format: "sparkplug", labels: "u:{property:}" },
      /a hole \{property:\} that there is not.* >\{property:\}$/,
    ],
    [{ format: "sparkplug", name: "{node}.{/a}" }, /nothing fills here .* >\{\/a\}$/],
    [{ name: "{metric}" }, /nothing fills here in the format json/],
    [{ format: "sparkplug", value: "/a" }, /^value points into records/],
    [{ format: "sparkplug", timestamp: "/t" }, /^timestamp points into records/],
    [{ format: "sparkplug", timeUnit: "s" }, /^timeUnit is not ms, the unit of all times of Sparkplug$/],
    [{ labels: "a:/b,c" }, /^labels has a part that is not LABEL:\/pointer or LABEL:\{hole\} >c$/],
    [{ labels: "a:/b, a:{topic}" }, /^labels names the label a twice > a:\{topic\}$/],
    [{ labels: "a:/b,c: {nothing}" }, /^labels has a hole \{nothing\} .* >\{nothing\}$/],
    [{ labels: "a:/b~" }, /^labels has a ~ .* >~$/],
    [
      { format: "csv", labels: "/all" },
      /^labels points to an object of labels, which only the format json has >\/all$/,
    ],
  ];
  for (const [texts, expected] of cases) {
    const [fault, ...more] = faultsOf(texts);
    assert.match(fault ?? "", expected, JSON.stringify(texts));
    assert.deepEqual(more, []);
  }
  assert.equal(faultsOf({ name: "{x}", value: "y", labels: "z" }).length, 3);
});

Deno.test("what is not set is what the records of the format mostly have", () => {
  const hole = (kind: string) => ({ kind, text: `{${kind}}` });
  const at = (column: string) => ({ text: `/${column}`, tokens: [column] });
  const pointed = {
    value: at("value"),
    timestamp: at("timestamp"),
    timeUnit: "s",
    function: at("agg_func"),
    id: at("id"),
  };
  const none = { value: "*", function: undefined, id: undefined };
  const name = { text: "{/name}", parts: [{ kind: "pointer", text: "{/name}", pointer: at("name") }] };
  const cases: Readonly<Record<string, unknown>> = {
    json: { name, ...pointed, labels: at("labels") },
    csv: { name, ...pointed, labels: [] },
    value: {
      name: { text: "{topic}", parts: [hole("topic")] },
      ...none,
      timestamp: "bus",
      timeUnit: "s",
      labels: [],
    },
    influx: {
      name: { text: "{measurement}.{field}", parts: [hole("measurement"), ".", hole("field")] },
      ...none,
      timestamp: "own",
      timeUnit: "ns",
      labels: "tags",
    },
    sparkplug: {
      name: { text: "{metric}", parts: [hole("metric")] },
      ...none,
      timestamp: "own",
      timeUnit: "ms",
      labels: "tags",
    },
  };
  for (const [format, expected] of Object.entries(cases)) {
    const compiled = compileMapping({ format });
    assert.ok("ok" in compiled, format);
    assert.deepEqual(
      JSON.parse(JSON.stringify(compiled.ok)),
      JSON.parse(JSON.stringify({ format, ...expected as object })),
    );
  }
});
