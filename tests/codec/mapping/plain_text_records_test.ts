/**
 * Plain rows of CSV and plain lines of line protocol are read in place: a batch has the key of each series
 * once, however often it comes, and no copy of an id.
 */
import assert from "node:assert/strict";
import { CsvHeader } from "../../../src/codec/mapping/csv_header.ts";
import type { MappingTexts } from "../../../src/codec/mapping/event_mapping.ts";
import { readerFor, type RecordReader } from "../../../src/codec/mapping/record_reader.ts";
import { ReplyFormatError } from "../../../src/codec/json_bytes.ts";
import { scanReply } from "../../../src/codec/reply_scanner.ts";
import { EventBatch } from "../../../src/event/event_batch.ts";
import { hashBytes } from "../../../src/event/text_hash.ts";
import { ARRIVED_MS, contentOf, read } from "./read.ts";

const CONTEXT = { arrivedMs: ARRIVED_MS };
const ENCODER = new TextEncoder();

/** Reads one after the other into one batch. Returns the values, by `name{labels}@time`, and the ids. */
function readInPlace(reader: RecordReader, records: readonly string[], header?: CsvHeader) {
  const bytes = ENCODER.encode(`\0${records.join("\0")}\0`);
  const batch = new EventBatch();
  batch.reset(bytes);
  reader.begin(batch);
  let at = 1;
  for (const record of records) {
    const end = at + ENCODER.encode(record).length;
    if (header === undefined) reader.read(batch, at, end, CONTEXT);
    else assert.equal(reader.readRow(batch, at, end, CONTEXT, header), undefined);
    at = end + 1;
  }
  const { events, invalid } = contentOf(batch);
  assert.deepEqual(invalid, []);
  const keys = new Map<string, number>();
  for (const [i, { name, labels }] of events.entries()) {
    keys.set(JSON.stringify([name, labels]), batch.nameLength[i]!);
    assert.equal(batch.nameHash[i], hashBytes(batch.extra, ~batch.nameStart[i]!, batch.nameLength[i]!));
  }
  const bytesOfKeys = [...keys.values()].reduce((sum, length) => sum + length, 0);
  assert.equal(batch.extraLength, bytesOfKeys, `${records}`);
  assert.ok(events.length > keys.size, `${records}`);
  return events.map(({ name, labels, value, timeMs, func, id }) => {
    const told = Object.entries(labels).map(([label, text]) => `,${label}=${text}`).join("");
    return [
      `${name}${told}@${timeMs}`,
      value,
      ...(func === undefined ? [] : [func]),
      ...(id === undefined ? [] : [id]),
    ]
      .join(" ");
  });
}

const CSV = { format: "csv" };
const MS = { ...CSV, timeUnit: "ms" };
const WIDE = { ...CSV, name: "{/m}.{column}", timestamp: "bus", value: "*" };

Deno.test("rows of CSV are read in place, whatever the separator, the quotes and the line breaks", () => {
  const cases: readonly (readonly [MappingTexts, string, readonly string[]])[] = [
    [MS, "name,value,timestamp\na,1,5\na,-2.5,6\n", ["a@5 1", "a@6 -2.5"]],
    [MS, "name;value;timestamp\r\na;1;5\r\na;1e3;6", ["a@5 1", "a@6 1000"]],
    [MS, "\ufeffname|value|timestamp\na|1|5\n\na|2|6\n", ["a@5 1", "a@6 2"]],
    [MS, "value\tname\ttimestamp\n\n1\ta b\t5\n2\ta b\t6\r\n", ["a b@5 1", "a b@6 2"]],
    [MS, 'name,value,timestamp\n"a",1,5\na,"2","6"\n', ["a@5 1", "a@6 2"]],
    [MS, 'name,value,timestamp\n"a,b",1,5\n"a,b",2,6\n', ["a,b@5 1", "a,b@6 2"]],
    [MS, "name,value,timestamp,größe\nä,1,5,\nä,2,6,x\n", ["ä@5 1", "ä@6 2"]],
    [MS, " name , value,timestamp\na,true,5\na,FALSE,6\n", ["a@5 1", "a@6 0"]],
    [MS, "name,value,timestamp,agg_func,id\na,1,5,avg,i7\na,2,6,,\na,3,7,p99,\n", [
      "a@5 1 avg i7",
      "a@6 2",
      "a@7 3 p99",
    ]],
    [{ ...MS, timeUnit: "s" }, "name,value,timestamp\na,1,5\na,2,6.5\n", ["a@5000 1", "a@6500 2"]],
    [
      { ...MS, timeUnit: "rfc3339" },
      "name,value,timestamp\na,1,1970-01-01T00:00:05Z\na,2,1970-01-01T00:00:06.5Z\n",
      ["a@5000 1", "a@6500 2"],
    ],
    [
      { ...MS, name: "{/m}.{column}", labels: "site:/site,none:/none" },
      "m,site,value,timestamp\na,x,1,5\na,,2,6\na,x,3,7\n",
      ["a.value,site=x@5 1", "a.value@6 2", "a.value,site=x@7 3"],
    ],
    [WIDE, "m,u,v,w\na,1,x,2\na,,,3\n", ["a.u 1", "a.w 2", "a.w 3"]],
    [WIDE, "m,u\na,1\na,2\nu,m\n3,b\n4,b\n", ["a.u 1", "a.u 2", "b.u 3", "b.u 4"]],
    [WIDE, "m,u\na,1\nm,u\na,2\n", ["a.u 1", "a.u 2"]],
  ];
  for (const [texts, record, expected] of cases) {
    const reader = readerFor(texts)!;
    const timed = expected.map((one) => one.includes("@") ? one : one.replace(" ", `@${ARRIVED_MS} `));
    assert.deepEqual(readInPlace(reader, [record]), timed, record);
    assert.deepEqual(readInPlace(reader, [record, record]), [...timed, ...timed], record);
  }
});

Deno.test("rows of CSV whose header stands elsewhere are read in place, by whatever headers in turn", () => {
  const reader = readerFor(MS)!;
  for (let round = 0; round < 2; round++) {
    for (
      const [header, rows] of [["name,value,timestamp", ["a,1,5", "a,2,6"]], ["timestamp;value;name", [
        "5;1;a",
        "6;2;a",
      ]]] as const
    ) {
      assert.deepEqual(readInPlace(reader, rows, CsvHeader.of(header)), ["a@5 1", "a@6 2"]);
    }
  }
});

Deno.test("lines of line protocol are read in place, with fields of any kind and times of any unit", () => {
  const INFLUX = { format: "influx" };
  const cases: readonly (readonly [MappingTexts, string, readonly string[]])[] = [
    [INFLUX, "m v=1 5000000\nm v=2 6000000\n", ["m.v@5 1", "m.v@6 2"]],
    [INFLUX, "m v=1 5000000\r\nm v=2 6000000\r\n", ["m.v@5 1", "m.v@6 2"]],
    [INFLUX, "m,a=b,c=d v=1 5000000\nm,a=b,c=d   v=2   6000000", ["m.v,a=b,c=d@5 1", "m.v,a=b,c=d@6 2"]],
    [INFLUX, "m\\ n,a=b\\,c v=1 5000000\nm\\ n,a=b\\,c v=2 6000000", ["m n.v,a=b,c@5 1", "m n.v,a=b,c@6 2"]],
    [INFLUX, "größe,a=ä v=1 5000000\ngröße,a=ä v=2 6000000", ["größe.v,a=ä@5 1", "größe.v,a=ä@6 2"]],
    [INFLUX, 'm u=1i,t="text, = #",v=2.5 5000000\nm u=t,t="",v=-1e2 6000000', [
      "m.u@5 1",
      "m.v@5 2.5",
      "m.u@6 1",
      "m.v@6 -100",
    ]],
    [INFLUX, 'm u=7u,v=false 5000000\nm v=F,w=3,u=TRUE 6000000\nm w=4,x="t" 7000000', [
      "m.u@5 7",
      "m.v@5 0",
      "m.v@6 0",
      "m.w@6 3",
      "m.u@6 1",
      "m.w@7 4",
    ]],
    [INFLUX, "m v=-3i 5000000\nm v=+4i 6000000\nm v=-0i 7000000", ["m.v@5 -3", "m.v@6 4", "m.v@7 0"]],
    [{ ...INFLUX, timeUnit: "s" }, "m v=1 5\nm v=2 6", ["m.v@5000 1", "m.v@6000 2"]],
    [
      { ...INFLUX, timeUnit: "us", timestamp: "bus" },
      "m v=1 5\nm v=2\nm v=3",
      [1, 2, 3].map((n) => `m.v@${ARRIVED_MS} ${n}`),
    ],
    [INFLUX, "m v=1\nm v=2", [1, 2].map((n) => `m.v@${ARRIVED_MS} ${n}`)],
    [
      { ...INFLUX, name: "{tag:a}-{field}", labels: "of:{measurement}" },
      "m,a=b v=1 5000000\nm,a=b v=2 6000000",
      [
        "b-v,of=m@5 1",
        "b-v,of=m@6 2",
      ],
    ],
  ];
  for (const [texts, record, expected] of cases) {
    const reader = readerFor(texts)!;
    assert.deepEqual(readInPlace(reader, [record]), expected, record);
    assert.deepEqual(readInPlace(reader, [record, record]), [...expected, ...expected], record);
  }
});

Deno.test("each of very many fields is its own series in place, and 256 of a measurement are kept", () => {
  const reader = readerFor({ format: "influx" })!;
  const line = (count: number) =>
    `m ${Array.from({ length: count }, (_, i) => `f${i}=${i}`).join(",")} 5000000`;
  const expected = Array.from({ length: 256 }, (_, i) => `m.f${i}@5 ${i}`);
  assert.deepEqual(readInPlace(reader, [line(256), line(256)]), [...expected, ...expected]);
});

Deno.test("a line in the quotes of a reply is read in place, however long it is and whatever stands around it", () => {
  const reader = readerFor({ format: "influx" })!;
  for (let length = 1; length <= 9; length++) {
    for (const gap of ["", " ", "\n\t "]) {
      for (const count of [1, 2, 3]) {
        const name = "abcdefghi".slice(0, length);
        const elements = Array.from({ length: count }, (_, i) => `"${name},a=b v=${i},u=${i} 5000000"`);
        const events = gap + elements.join(`${gap},${gap}`) + gap;
        const body = ENCODER.encode(`{"log":"L","offset":0,"next":${count},"events":[${events}]}`);
        const batch = new EventBatch();
        scanReply(body, batch, count, { reader, context: CONTEXT });
        const found = contentOf(batch).events.map(({ name, value, raw }) => [name, value, raw]);
        assert.deepEqual(
          found,
          elements.flatMap((_, i) =>
            ["v", "u"].map((field) => [`${name}.${field}`, i, `${name},a=b ${field}=${i} 5000000`])
          ),
        );
        assert.equal(batch.extraLength, batch.nameLength[0]! + batch.nameLength[1]!);
        assert.deepEqual([batch.isMapped, batch.total, batch.surplus], [true, count, count]);
      }
    }
  }
});

Deno.test("what is no plain line in a reply is not read in place, and is what it is elsewhere", () => {
  const reader = readerFor({ format: "influx" })!;
  const line = "m,a=b v=1 5000000";
  for (
    const element of [`"m,a=\\u0062 v=1 5000000"`, `"${line}"x`, `"${line}" "`, `"${line}\x01"`, `"${line}`]
  ) {
    const body = ENCODER.encode(`{"log":"L","offset":0,"next":2,"events":[${element},"${line}"]}`);
    const batch = new EventBatch();
    try {
      scanReply(body, batch, 2, { reader, context: CONTEXT });
    } catch (error) {
      assert.ok(error instanceof ReplyFormatError, `${error}`);
      continue;
    }
    const { events, invalid } = contentOf(batch);
    assert.equal(events.length + invalid.length, 2, element);
    assert.deepEqual(events.at(-1), {
      name: "m.v",
      labels: { a: "b" },
      func: undefined,
      value: 1,
      timeMs: 5,
      id: undefined,
      raw: line,
    });
  }
});

/** A record as a part of more bytes, in a batch that had other events before. */
function readAmong(reader: RecordReader, before: string, record: string, after: string) {
  const bytes = ENCODER.encode(before + record + after);
  const batch = new EventBatch();
  const start = ENCODER.encode(before).length;
  const end = start + ENCODER.encode(record).length;
  batch.reserve(8);
  for (
    const column of [
      batch.position,
      batch.rawStart,
      batch.rawEnd,
      batch.idLength,
      batch.idHash,
      batch.functionId,
    ]
  ) column.fill(7);
  batch.timeMs.fill(7);
  batch.reset(bytes);
  reader.begin(batch);
  reader.read(batch, start, end, CONTEXT);
  for (let i = 0; i < batch.count; i++) {
    assert.deepEqual([batch.position[i], batch.rawStart[i], batch.rawEnd[i]], [0, start, end]);
    const [idStart, idLength] = [batch.idStart[i]!, batch.idLength[i]!];
    const [ids, from] = idStart >= 0 ? [batch.bytes, idStart] : [batch.extra, ~idStart];
    if (idLength > 0) assert.equal(batch.idHash[i], hashBytes(ids, from, idLength));
  }
  for (const { index, rawStart, rawEnd } of batch.invalid) {
    assert.deepEqual([index, rawStart, rawEnd], [0, start, end]);
  }
  return contentOf(batch);
}

Deno.test("what lies behind a record is no part of it, wherever the record ends", () => {
  const behind = ["1", " 1", ",", ",1,2,3", "=1", '"', '""', "\n", "\r\n", "\\ ", ";", "a", " v=1 1"];
  const cases: readonly (readonly [MappingTexts, string])[] = [
    [{ format: "influx" }, 'm\\ n,a=b\\,c t="x y",v=1i,w=-2.5e1 5000000\r\nm u=t 6000000'],
    [MS, 'name,id,agg_func,value,timestamp\r\na,i1,max,1.5,5\r\n"b",,,"2",6'],
    [WIDE, "\ufeffm;u;v\na;1;x\n\na;;2"],
  ];
  for (const [texts, whole] of cases) {
    const reader = readerFor(texts)!;
    for (let end = 0; end <= whole.length; end++) {
      const record = whole.slice(0, end);
      const expected = read(record, texts);
      for (const after of behind) {
        assert.deepEqual(readAmong(reader, "x,1 ", record, after), expected, `${record}|${after}`);
      }
    }
  }
});
