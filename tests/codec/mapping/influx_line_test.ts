import assert from "node:assert/strict";
import {
  type InfluxLine,
  influxLines,
  influxNumber,
  parseInfluxLine,
} from "../../../src/codec/mapping/influx_line.ts";
import { influxLineEnd } from "../../../src/codec/mapping/influx_line_end.ts";

function parsed(line: string) {
  const found = parseInfluxLine(line);
  assert.notEqual(typeof found, "string", `${line}: ${found}`);
  const { fields, head, measurement, tags, timestamp } = found as InfluxLine;
  return {
    measurement,
    tags: { ...tags },
    fields: fields.map(({ name, value }) => [name, value]),
    timestamp,
    head,
  };
}

Deno.test("a line of line protocol has a measurement, tags, fields and a timestamp", () => {
  const plain = { measurement: "m", tags: {}, fields: [["f", "1"]], timestamp: undefined, head: "m" };
  const cases: readonly (readonly [string, Partial<ReturnType<typeof parsed>>])[] = [
    ["m f=1", {}],
    ["m f=1 7", { timestamp: "7" }],
    ["m   f=1   -7  ", { timestamp: "-7" }],
    ["m,a=1,b=2 f=1", { tags: { a: "1", b: "2" }, head: "m,a=1,b=2" }],
    ["m f=1,g=2i", { fields: [["f", "1"], ["g", "2i"]] }],
    ['m f="a b,c=d",g=2', { fields: [["f", '"a b,c=d"'], ["g", "2"]] }],
    ['m f="a\\"b" 7', { fields: [["f", '"a\\"b"']], timestamp: "7" }],
    ['m f=1,g="" 7', { fields: [["f", "1"], ["g", '""']], timestamp: "7" }],
    ["m\\ x\\,y,a\\=b=c\\ d f\\ g=1", {
      measurement: "m x,y",
      tags: { "a=b": "c d" },
      fields: [["f g", "1"]],
      head: "m\\ x\\,y,a\\=b=c\\ d",
    }],
    ["m\\x f=1", { measurement: "m\\x", head: "m\\x" }],
    ['m,t="a f=1', { tags: { t: '"a' }, head: 'm,t="a' }],
    ['m,t="a,u=b f=1', { tags: { t: '"a', u: "b" }, head: 'm,t="a,u=b' }],
    ['m "f=1 7', { fields: [['"f', "1"]], timestamp: "7" }],
    ['m f="a=" 7', { fields: [["f", '"a="']], timestamp: "7" }],
    ['m f=a"b 7', { fields: [["f", 'a"b']], timestamp: "7" }],
    ["m f=a=b", { fields: [["f", "a=b"]] }],
    [`${"m".repeat(8192)} f=1`, { measurement: "m".repeat(8192), head: "m".repeat(8192) }],
  ];
  for (const [line, expected] of cases) assert.deepEqual(parsed(line), { ...plain, ...expected }, line);
  assert.equal((parseInfluxLine('m f="x y",g=1') as InfluxLine).fields[0]!.text, 'f="x y"');
});

Deno.test("what is no line of line protocol is said", () => {
  const noFields = "no fields: a line is MEASUREMENT,TAG=… FIELD=… TIMESTAMP";
  const noField = (text: string) => `the field "${text}" is not FIELD=VALUE`;
  const hint = "; decimals stand behind a point, and a comma begins the next field";
  const cases: readonly (readonly [string, string])[] = [
    ["m", noFields],
    ["m,a=1", noFields],
    ["m\\ f=1", noFields],
    [",a=1 f=1", "no measurement"],
    [" f=1", "no measurement"],
    [`${"m".repeat(8193)} f=1`, "measurement and tags of more than 8192 characters"],
    ["m,a f=1", 'the tag "a" is not TAG=VALUE'],
    ["m,a= f=1", 'the tag "a=" is not TAG=VALUE'],
    ["m,=1 f=1", 'the tag "=1" is not TAG=VALUE'],
    ["m,a=1=2 f=1", 'the tag "a=1=2" is not TAG=VALUE'],
    ["m, f=1", 'the tag "" is not TAG=VALUE'],
    ["m f", noField("f")],
    ["m f=", noField("f=")],
    ["m =1", noField("=1")],
    ["m =a=1", noField("=a=1")],
    ["m f=1,", noField("")],
    ["m 5", noField("5")],
    ["m f=1,5", noField("5") + hint],
    ["m f=1,5x", noField("5x")],
    [`m ${"f".repeat(40)}`, noField("f".repeat(40))],
    [`m ${"f".repeat(41)}`, noField(`${"f".repeat(40)}…`)],
    ['m f="a', 'the field "f=\\"a" has a quote that does not end'],
    ['m f="a"b', 'the field "f=\\"a\\"b" has a quote that does not end'],
    ['m f="a\\"', 'the field "f=\\"a\\\\\\"" has a quote that does not end'],
    ["m f=1 soon", 'the timestamp "soon" is no whole number'],
    ["m f=1 1.5", 'the timestamp "1.5" is no whole number'],
    ["m f=1 7 8", 'the timestamp "7 8" is no whole number'],
  ];
  for (const [line, problem] of cases) assert.equal(parseInfluxLine(line), problem, line);
});

Deno.test("a field's value is a number, or it is said why it is none", () => {
  const none = "is no number of line protocol, such as 21.5, 21i, 21u or true";
  const cases: readonly (readonly [string, number | string])[] = [
    ...["t", "T", "true", "True", "TRUE"].map((text) => [text, 1] as const),
    ...["f", "F", "false", "False", "FALSE"].map((text) => [text, 0] as const),
    ["21", 21],
    ["-21i", -21],
    ["+21i", 21],
    ["21u", 21],
    ["-21u", none],
    ["1.5", 1.5],
    [".5", 0.5],
    ["5.", 5],
    ["-1.5e+3", -1500],
    ["1.5i", none],
    ["i", none],
    ["tRUE", none],
    ["truex", none],
    ["1e400", "is not a finite number"],
    ["NaN", "is NaN, which is no finite number"],
    ["-inf", "is -inf, which is no finite number"],
    ["+Infinity", "is +Infinity, which is no finite number"],
    ["nano", none],
    ["", none],
  ];
  for (const [text, expected] of cases) assert.equal(influxNumber(text), expected, text);
});

Deno.test("lines end at their line breaks, outside of the texts of fields", () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ["", []],
    ["\n \n", []],
    ["a f=1", ["a f=1"]],
    ["a f=1\nb f=2\n", ["a f=1", "b f=2"]],
    [" a f=1 \r\n\n b f=2", ["a f=1", "b f=2"]],
    ["# a\nb f=1\n#c", ["b f=1"]],
    ['a f="x\ny" 7\nb f=2', ['a f="x\ny" 7', "b f=2"]],
    ['a f="x\\"\ny"\nb f=2', ['a f="x\\"\ny"', "b f=2"]],
    ['a"\nb f=2', ['a"', "b f=2"]],
    ['a f=x"\nb f=2', ['a f=x"', "b f=2"]],
    ['a f=1,"\nb f=2', ['a f=1,"', "b f=2"]],
    ['a,t="x\nb f=2', ['a,t="x', "b f=2"]],
    ['a\\\nb f="x\ny"\nc f=1', ['a\\\nb f="x\ny"', "c f=1"]],
    ['# "\na f=="\n"\nb f=1', ['a f=="\n"', "b f=1"]],
    [' "="\nb f=2', ['"="', "b f=2"]],
    ['# a f="\nb f=2', ["b f=2"]],
    ["#\\\nb f=2", ["b f=2"]],
    ['a f="x"="\n"\nb f=2', ['a f="x"="\n"', "b f=2"]],
  ];
  for (const [text, lines] of cases) {
    assert.deepEqual([...influxLines(text)], lines, text);
    const bytes = new TextEncoder().encode(`~${text}`);
    const found: string[] = [];
    for (let start = 1; start < bytes.length;) {
      const end = influxLineEnd(bytes, start, bytes.length);
      found.push(new TextDecoder().decode(bytes.subarray(start, end)).trim());
      start = end + 1;
    }
    assert.deepEqual(found.filter((line) => line !== "" && !line.startsWith("#")), lines, text);
  }
  const bytes = new TextEncoder().encode('a f="x\ny"\nb');
  assert.equal(influxLineEnd(bytes, 0, 8), 8, "what follows the end of the text is no part of it");
  assert.equal(influxLineEnd(bytes, 0, 3), 3);
});
