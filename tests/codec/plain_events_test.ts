import assert from "node:assert/strict";
import { functionId, UNNAMED, usually } from "../../src/event/agg_function.ts";
import { plain } from "./plain.ts";

const numbered = (value: string) => plain(`{"name":"n","value":${value},"timestamp":1}`)?.value;
const timed = (timestamp: string) => plain(`{"name":"n","value":1,"timestamp":${timestamp}}`)?.timeMs;
const named = (name: string) => plain(`{"name":"${name}","value":1,"timestamp":1}`)?.name;
Deno.test("in place: numbers are what JSON says they are", () => {
  const numbers = [
    ..."0 7 9 10 19 90 99 1234567890 0.5 0.05 10.25 123456789.125 1.0 5.00 9007199254740991 9007199254740992"
      .split(" "),
    ..."9007199254740993 900719925474099.15 0.1234567890123456789 0.0000000000000000000001".split(" "),
    ..."0.00000000000000000000001 0.9999999999999999999999999 12345678901234567890123".split(" "),
  ];
  for (const text of numbers) {
    assert.equal(numbered(text), Number(text), text);
    assert.equal(numbered(`-${text}`), -Number(text), text);
  }
  assert.equal(numbered("1".repeat(309)), Number("1".repeat(309)));
});

Deno.test("in place: a time is rounded to milliseconds, from 1970 to the last that is counted", () => {
  const times: readonly (readonly [string, number | undefined])[] = [
    ["0", 0],
    ["-0", 0],
    ["-0.0", 0],
    ["1", 1000],
    ["1.0004", 1000],
    ["1.0005", 1001],
    ["0.0015", 2],
    ["1763942400.123456", 1763942400123],
    ["9007199254740.991", 9007199254740990],
    ["9007199254740.992", undefined],
    ["9007199254741", undefined],
    ["-0.001", undefined],
    ["-1", undefined],
  ];
  for (const [text, timeMs] of times) assert.equal(timed(text), timeMs, text);
});

Deno.test("in place: what is no plain number is left to the slow path", () => {
  // Before and behind the digits in ASCII are a slash and a colon.
  const others = ("+1 .5 01 00 -01 1. -1. 0. 1e5 1E5 1.5e1 - -. -a 1x 1- 1..2 1.5.2 " +
    "/ : /1 :1 1/ 1: 0/ 0: 1./ 1.: 1.5/ 1.5: 1; null true NaN [1] {}")
    .split(" ");
  for (const text of [...others, "", '"1"', "1\t", "\t1", "1".repeat(310), `-${"9".repeat(400)}`]) {
    assert.equal(numbered(text), undefined, text);
    assert.equal(timed(text), undefined, text);
  }
});

Deno.test("in place: a name of 1 to 512 characters of ASCII, wherever others would stand in a word", () => {
  for (let length = 0; length <= 13; length++) {
    const name = "abcdefghijklm".slice(0, length);
    assert.equal(named(name), length === 0 ? undefined : name);
    for (let at = 0; at < length; at++) {
      const withByte = (byte: string) => name.slice(0, at) + byte + name.slice(at + 1);
      for (const byte of " !#[]~\x7f") assert.equal(named(withByte(byte)), withByte(byte));
      for (const byte of ["\x1f", "\x00", "\n", "\x80", "\xff", "\\", '"']) {
        assert.equal(named(withByte(byte)), undefined, JSON.stringify(withByte(byte)));
      }
    }
  }
  for (const length of [509, 510, 511, 512]) assert.equal(named("x".repeat(length)), "x".repeat(length));
  for (const length of [513, 514, 516]) assert.equal(named("x".repeat(length)), undefined, `${length}`);
});

Deno.test("in place: an id of up to 256 bytes, and none where it is empty", () => {
  const idOf = (id: string) => plain(`{"id":"${id}","name":"n","value":1,"timestamp":1}`);
  assert.equal(idOf("")!.id, undefined);
  for (const length of [1, 2, 3, 4, 5, 8, 255, 256]) {
    assert.equal(idOf("i".repeat(length))!.id, "i".repeat(length));
  }
  assert.equal(idOf("i".repeat(257)), undefined);
  assert.equal(idOf("\\u0069"), undefined);
});

const FUNCTIONS = "sum avg min max count first last stddev p0 p50 p99.9 p99.9999 p100".split(" ");
const NO_FUNCTIONS = "sun sam tum su sumx avh awg bvg mim mon nin mas mbx nax none p101".split(" ");
Deno.test("in place: the function of an event comes before the one that is usual for it", () => {
  const funcOf = (fields: string) => plain(`{"name":"n","value":1,"timestamp":1${fields}}`)?.func;
  assert.equal(funcOf(""), UNNAMED);
  for (const name of FUNCTIONS) {
    const id = functionId(name);
    assert.equal(funcOf(`,"agg_func":"${name}"`), id, name);
    assert.equal(funcOf(`,"default_func":"${name}"`), usually(id), name);
    assert.equal(funcOf(`,"default_func":"${name}","agg_func":"last"`), functionId("last"), name);
    assert.equal(funcOf(`,"agg_func":"last","default_func":"${name}"`), functionId("last"), name);
  }
  for (const name of [...NO_FUNCTIONS, "", "x".repeat(17)]) {
    for (const field of ["agg_func", "default_func"]) {
      assert.equal(funcOf(`,"${field}":"${name}"`), undefined, name);
    }
  }
  for (const value of ["null", "1", "sum"]) assert.equal(funcOf(`,"agg_func":${value}`), undefined, value);
});

const FIELDS: Readonly<Record<string, string>> = {
  name: '"some.name"',
  value: "2.5",
  timestamp: "3",
  agg_func: '"max"',
  id: '"some id"',
  labels: '{"a":"1"}',
  default_func: '"min"',
};
const ALL = Object.entries(FIELDS);
const textOf = (fields: readonly (readonly [string, string])[]) =>
  `{${fields.map(([name, value]) => `"${name}":${value}`).join(",")}}`;
const WHOLE = {
  name: 'some.name\0{"a":"1"}',
  value: 2.5,
  timeMs: 3000,
  func: functionId("max"),
  id: "some id",
};

Deno.test("in place: fields come in any order, each at most once, and three of them must be there", () => {
  for (let turned = 0; turned < ALL.length; turned++) {
    const fields = [...ALL.slice(turned), ...ALL.slice(0, turned)];
    assert.deepEqual(plain(textOf(fields)), WHOLE);
    assert.deepEqual(plain(textOf(fields.toReversed())), WHOLE);
    assert.equal(plain(textOf([...fields, fields[0]!])), undefined, `${fields[0]} is there twice`);
    const [[missing]] = fields as [[string, string]];
    const isOptional = !["name", "value", "timestamp"].includes(missing);
    assert.equal(plain(textOf(fields.slice(1))) !== undefined, isOptional, `without ${missing}`);
  }
});

Deno.test("in place: a field whose name is nearly a known one is left to the slow path", () => {
  for (const [i, [name, value]] of ALL.entries()) {
    for (let at = 0; at <= name.length; at++) {
      const [start, rest] = [name.slice(0, at), name.slice(at)];
      for (
        const other of [`${start}x${rest.slice(1)}`, `${start}x${rest}`, start, `${start}"${rest.slice(1)}`]
      ) {
        if (other === name) continue;
        assert.equal(plain(textOf(ALL.with(i, [other, value]))), undefined, other);
      }
    }
  }
  const unquoted = '{"name":"n","value":1,"timestamp":1,id:"i"}';
  assert.equal(plain(unquoted), undefined);
  // What follows a name of another length must not be taken for what follows `name`.
  for (const other of ["namex", "defax", "agg_x", "timex", "labex", "valux"]) {
    assert.equal(plain(`{"value":1,"timestamp":1,"${other}:"n"}`), undefined, other);
  }
  for (let length = 1; length <= 12; length++) {
    for (const end of ["", ":", ":1}"]) {
      const cut = `{"name":"n","value":1,"timestamp":1,"${"default_func".slice(0, length)}"${end}`;
      assert.equal(plain(cut, ""), undefined, cut);
    }
  }
});

Deno.test("in place: one space or more stand between any two parts; other space does not", () => {
  const parts = ["{", '"name"', ":", '"n"', ",", '"value"', ":", "1", ",", '"timestamp"', ":", "2"];
  parts.push(",", '"labels"', ":", "{", '"a"', ":", '"1"', ",", '"b"', ":", '"2"', "}", "}");
  const expected = plain(parts.join(""))!;
  assert.equal(expected.name, 'n\0{"a":"1","b":"2"}');
  for (let at = 1; at < parts.length; at++) {
    const spaced = (space: string) => parts.slice(0, at).join("") + space + parts.slice(at).join("");
    for (const space of [" ", "   "]) assert.deepEqual(plain(spaced(space)), expected, spaced(space));
    for (const space of ["\t", "\n", "\r", "\v", "\xa0", "x", "!"]) {
      assert.equal(plain(spaced(space)), undefined);
    }
    const without = parts.toSpliced(at, 1).join("");
    assert.equal(plain(without), undefined, without);
  }
  assert.equal(plain(parts.slice(1).join("")), undefined);
  assert.equal(plain(parts.with(0, "[").join("")), undefined);
});

Deno.test("in place: an event is read up to the end of the bytes, where words can still be read", () => {
  // Ten bytes are looked at for the name of a field.
  const short = '{"name":"n","value":1,"timestamp":1,"id":"ab"}';
  assert.equal(plain(short, ""), undefined);
  assert.equal(plain(short, " ")!.id, "ab");
  const long = '{"name":"n","value":1,"timestamp":1,"id":"abc"}';
  assert.equal(plain(long, "")!.id, "abc");
  for (let length = 1; length < 12; length++) {
    const name = "abcdefghijkl".slice(0, length);
    for (const room of ["", " ", "  ", "   ", "    "]) {
      assert.equal(plain(`{"value":1,"timestamp":1,"name":"${name}x"}`, room)!.name, `${name}x`);
    }
  }
  assert.equal(
    plain('{"name":"n","value":1,"timestamp":1,"default_func":"sum"}', "")!.func,
    usually(functionId("sum")),
  );
});
