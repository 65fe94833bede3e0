/** Lines of a body: how they are cut, and their times. */
import assert from "node:assert/strict";
import { EVENT_MAX_BYTES, type RawEvents } from "../../../src/bus/raw_events.ts";
import { atOnce, type Steps } from "../../../src/platform/clock/steps.ts";
import { linesOf } from "../../../src/sources/listen/lines.ts";
import { inNanoseconds } from "../../../src/sources/listen/nanoseconds.ts";
import { PushTraces } from "../../../src/sources/listen/push_traces.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

function textsOf({ bytes, ends }: RawEvents): string[] {
  return Array.from(ends, (end, i) => new TextDecoder().decode(bytes.subarray(i && ends[i - 1]! + 1, end)));
}

/** The sizes that the steps of a work tell. */
function stepsOf(work: Steps<unknown>): number[] {
  const sizes: number[] = [];
  for (let step = work.next(); !step.done; step = work.next()) sizes.push(step.value);
  return sizes;
}

const cut = (text: string, isInflux = false) => textsOf(atOnce(linesOf(bytesOf(text), isInflux)));

Deno.test("a byte order mark before the lines is no part of the first", () => {
  assert.deepEqual(atOnce(linesOf(bytesOf("\ufeffa\nb"), false)).bytes, bytesOf("a\nb"));
});

Deno.test("lines are cut at line feeds, without the blanks around them, and empty ones are left out", () => {
  for (
    const [text, lines] of [
      ["", []],
      ["\n", []],
      ["a", ["a"]],
      ["a\n", ["a"]],
      ["a\nb", ["a", "b"]],
      ["\n\na\r\n \t\nb b\t\n\n", ["a", "b b"]],
      ["  a  \n  bc  ", ["a", "bc"]],
      ["!a!\n!b!", ["!a!", "!b!"]],
      ["#a\nb", ["#a", "b"]],
      ['a="1\n2"\nb', ['a="1', '2"', "b"]],
    ] as const
  ) assert.deepEqual(cut(text), lines, JSON.stringify(text));
});

Deno.test("line protocol has comments, and texts with line feeds in them", () => {
  assert.deepEqual(cut('# said\n m f="1\n2" 5\n\n#\nm f=1 5\n  # said', true), ['m f="1\n2" 5', "m f=1 5"]);
});

Deno.test("many lines are cut as few are", () => {
  const lines = Array.from({ length: 5000 }, (_, i) => `line ${i}`);
  assert.deepEqual(cut(lines.join(" \n")), lines);
});

Deno.test("a body is cut in steps of 256 KiB", () => {
  const line = `${"x".repeat(1023)}\n`;
  const steps = (kib: number) => stepsOf(linesOf(bytesOf(line.repeat(kib)), false)).length;
  assert.deepEqual([steps(256), steps(257), steps(513), steps(514), steps(771)], [0, 1, 1, 2, 3]);
});

Deno.test("a line that is too long, and too many of them, refuse the whole request", () => {
  const refusalOf = (text: string) => {
    try {
      return cut(text).length;
    } catch (error) {
      const { status, message } = error as { status: number; message: string };
      return [status, message];
    }
  };
  const longest = "x".repeat(EVENT_MAX_BYTES);
  assert.equal(refusalOf(`a\n${longest}`), 2);
  assert.deepEqual(refusalOf(`a\n\nb\n${longest}y\nc`), [
    413,
    `record 3 is larger than ${EVENT_MAX_BYTES / 1024} KiB; nothing of the request is kept`,
  ]);
  assert.equal(refusalOf("a\n".repeat(1_000_000)), 1_000_000);
  assert.deepEqual(refusalOf("a\n".repeat(1_000_001)), [
    413,
    "a request may have 1000000 records at most; send several requests",
  ]);
});

const raw = (...lines: readonly string[]) => atOnce(linesOf(bytesOf(lines.join("\n")), true));

Deno.test("times become nanoseconds where the last word of a line is a whole number", () => {
  const most = "9".repeat(19);
  const cases: [line: string, unit: number, expected: string][] = [
    ["m f=1 5", 1e9, "m f=1 5000000000"],
    ["m f=1 1700000000", 1e9, "m f=1 1700000000000000000"],
    ["m f=1 -90", 1e3, "m f=1 -90000"],
    ["m f=1 0", 1e6, "m f=1 0"],
    ["m f=1 12", 3600e9, "m f=1 43200000000000"],
    [`m f=1 ${most}`, 1e3, `m f=1 ${most}000`],
    [`m f=1 9${most}`, 1e3, `m f=1 9${most}`],
    ["m f=1", 1e3, "m f=1"],
    ["m f=1,g=25", 1e3, "m f=1,g=25"],
    ["m f=1 5i", 1e3, "m f=1 5i"],
    ["m f=1 5/", 1e3, "m f=1 5/"],
    ["m f=1 5:", 1e3, "m f=1 5:"],
    ["m f=1 -", 1e3, "m f=1 -"],
    ["m f=1 --5", 1e3, "m f=1 --5"],
    ["m f=1!5", 1e3, "m f=1!5"],
    ["17", 1e3, "17"],
    ["-17", 1e3, "-17"],
  ];
  for (const [line, unit, expected] of cases) {
    assert.deepEqual(textsOf(atOnce(inNanoseconds(raw(line), unit))), [expected]);
  }
  const all = atOnce(inNanoseconds(raw("m f=1 5", "m f=2", "m f=3 -6"), 1e3));
  assert.deepEqual(textsOf(all), ["m f=1 5000", "m f=2", "m f=3 -6000"]);
});

Deno.test("lines whose times are nanoseconds stay what they are", () => {
  const lines = raw("m f=1 5");
  assert.equal(atOnce(inNanoseconds(lines, 1)), lines);
  assert.notEqual(atOnce(inNanoseconds(lines, 2)), lines);
});

Deno.test("times are made in steps of 2,000 lines, which tell the memory of the result", () => {
  const steps = (count: number) => {
    const lines = raw(...Array<string>(count).fill("m f=1 5"));
    const sizes = stepsOf(inNanoseconds(lines, 1e3));
    assert.ok(sizes.every((size) => size === lines.bytes.length + 13 * count));
    return sizes.length;
  };
  assert.deepEqual([steps(1), steps(2000), steps(2001), steps(4000), steps(4001)], [0, 0, 2, 2, 3]);
});

Deno.test("the traces of the latest 4,096 runs are known", () => {
  const traces = new PushTraces();
  for (let first = 0; first < 4096; first++) traces.note(first, `trace ${first}`);
  traces.note(9999, undefined);
  assert.deepEqual([traces.at(0), traces.at(4095), traces.at(9999)], ["trace 0", "trace 4095", undefined]);
  traces.note(4096, "trace 4096");
  assert.deepEqual([traces.at(0), traces.at(1), traces.at(4096)], [undefined, "trace 1", "trace 4096"]);
});
