/** What single records become: everyday ones, and bad input. */
import assert from "node:assert/strict";
import { ARRIVED_MS, read, refusal } from "./read.ts";

const SHAPE = { name: "{/meta/machine}.temp", value: "/temp", timestamp: "/ts" };
const json = (value: unknown) => JSON.stringify(value);

Deno.test("json: parts of a record become parts of an event", () => {
  const record = json({
    meta: { machine: "oven", line: 4, site: "north" },
    temp: "21.5",
    ts: 1790000000.25,
    fn: "max",
    key: 17,
  });
  const texts = {
    ...SHAPE,
    function: "/fn",
    id: "/key",
    labels: "site:/meta/site,line:L{/meta/line},zone:/meta/zone",
  };
  assert.deepEqual(read(record, texts), {
    events: [{
      name: "oven.temp",
      labels: { site: "north", line: "L4" },
      func: "max",
      value: 21.5,
      timeMs: 1790000000250,
      id: "17",
      raw: record,
    }],
    invalid: [],
  });
});

Deno.test("json: numbers in quotes, booleans, and what is none", () => {
  const valueOf = (temp: unknown) =>
    read(json({ meta: { machine: "m" }, ts: 1, temp }), SHAPE).events[0]?.value;
  assert.deepEqual([" -1.5e3 ", "007", "+2", ".5", "5.", true, false, "true", "false", 0].map(valueOf), [
    -1500,
    7,
    2,
    0.5,
    5,
    1,
    0,
    1,
    0,
    0,
  ]);
  const why = (temp: unknown) => refusal(json({ meta: { machine: "m" }, ts: 1, temp }), SHAPE);
  assert.match(why("1,5"), /the value at \/temp "1,5" has a decimal comma; decimals stand behind a point/);
  assert.match(why("-12,25"), /decimal comma/);
  for (const text of ["", " ", "NaN", "Infinity", "0x10", "1e", "1 2", "1.2.3", "--1", "one", "1_000"]) {
    assert.match(why(text), /is no number$/, text);
  }
  assert.match(why("1e999"), /is not a finite number/);
  assert.match(why(null), /is null, and no number/);
  assert.match(why([1]), /is an array, and no number/);
  assert.match(why({}), /is an object, and no number/);
  assert.match(refusal('{"temp":1e999,"ts":1,"meta":{"machine":"m"}}', SHAPE), /is not a finite number/);
  assert.match(refusal('{"temp":NaN}', SHAPE), /^not JSON$/);
});

Deno.test("json: a whole number beyond 2^53 is a value, and no name", () => {
  assert.equal(
    read('{"meta":{"machine":"m"},"ts":1,"temp":9007199254740993}', SHAPE).events[0]!.value,
    2 ** 53,
  );
  assert.match(
    refusal('{"meta":{"machine":9007199254740993},"ts":1,"temp":1}', SHAPE),
    /\{\/meta\/machine\} finds a whole number beyond 2\^53, which keeps all its digits only in quotes/,
  );
  assert.equal(read('{"meta":{"machine":1.50},"ts":1,"temp":1}', SHAPE).events[0]!.name, "1.5.temp");
});

Deno.test("json: what a hole does not find is named", () => {
  const why = (record: unknown, texts = {}) => refusal(json(record), { ...SHAPE, ...texts });
  const rest = { ts: 1, temp: 1 };
  assert.match(why({ ...rest }), /^\{\/meta\/machine\} finds nothing$/);
  assert.match(why({ ...rest, meta: { machine: null } }), /finds null$/);
  assert.match(why({ ...rest, meta: { machine: ["a"] } }), /finds an array$/);
  assert.match(why({ ...rest, meta: { machine: { a: 1 } } }), /finds an object$/);
  assert.match(why({ ...rest, meta: "machine" }), /finds nothing$/);
  assert.match(why({ ...rest, meta: [{ machine: "a" }] }), /finds nothing$/);
  const own = { meta: { machine: "m" } };
  assert.match(why({ ...own, ts: 1 }), /^no value: \/temp finds nothing$/);
  assert.match(why({ ...own, temp: 1 }), /^no timestamp: \/ts finds nothing$/);
  assert.match(why({ ...own, ...rest, agg_func: "median" }), /unknown function "median"; there are/);
  assert.match(why({ ...own, ...rest, labels: { a: 1 } }), /a label's value is not text/);
  assert.match(why({ ...own, ...rest }, { labels: "a:/meta" }), /\{\/meta\} finds an object/);
  assert.match(why({ ...own, ...rest }, { name: "{topic}" }), /^\{topic\} finds nothing$/);
  assert.match(why({ meta: { machine: "a\0" }, ...rest }), /name with a NUL/);
  assert.match(why({ meta: { machine: "" }, ...rest }, { name: "{/meta/machine}" }), /^no name$/);
  for (const none of ["[]", "null", "7", '"text"', ""]) {
    assert.match(refusal(none, SHAPE), none === "" ? /not JSON/ : /no value: \/temp finds nothing/);
  }
  assert.equal(refusal(new Uint8Array([0x22, 0xff, 0x22]), SHAPE), "not UTF-8");
});

Deno.test("json: pointers go into arrays and take escapes; nothing is inherited", () => {
  const record = json({ "a/b": [{ "m~n": 5 }], ts: 1, name: "n" });
  assert.equal(read(record, { value: "/a~1b/0/m~0n", timestamp: "/ts" }).events[0]!.value, 5);
  for (
    const value of [
      "/a~1b/00/m~0n",
      "/a~1b/1/m~0n",
      "/a~1b/-/m~0n",
      "/a~1b/length",
      "/constructor/length",
      "/__proto__/x",
    ]
  ) {
    assert.match(refusal(record, { value, timestamp: "/ts" }), /finds nothing/, value);
  }
  assert.equal(
    read('{"__proto__":{"x":3},"ts":1,"name":"n"}', { value: "/__proto__/x", timestamp: "/ts" }).events[0]!
      .value,
    3,
  );
});

Deno.test("json: each number is an event; a dead letter of one holds that one alone", () => {
  const record = json({ m: "oven", ts: 5, in: { temp: 1, list: [2, "3", true] }, no: null });
  const texts = { name: "{/m}.{path}", value: "*", timestamp: "/ts" };
  const { events, invalid } = read(record, texts);
  assert.deepEqual(invalid, []);
  assert.deepEqual(events.map(({ name, value }) => [name, value]), [
    ["oven.in.temp", 1],
    ["oven.in.list.0", 2],
    ["oven.in.list.2", 1],
  ]);
  for (const event of events) assert.deepEqual(read(event.raw, texts).events, [event]);
  assert.equal(refusal('{"m":"a","ts":1}', texts), "no number in it");
  assert.equal(read("[1,2]", { name: "x{path}", value: "*", timestamp: "bus" }).events.length, 2);
});

Deno.test("json: of each number the dead letter has the labels, wherever they stand", () => {
  const record = json({ a: 1, b: 2, labels: { site: "n" }, more: { labels: { line: "4" } } });
  for (const [labels, expected] of [[undefined, { site: "n" }], ["/more/labels", { line: "4" }]] as const) {
    const texts = { name: "{path}", value: "*", timestamp: "bus", labels };
    const { events } = read(record, texts);
    assert.deepEqual(events.map(({ name, labels }) => [name, labels]), [["a", expected], ["b", expected]]);
    for (const event of events) assert.deepEqual(read(event.raw, texts).events, [event]);
  }
});

Deno.test("where no part of a record fits, it is refused as one, and kept in whole", () => {
  const record = json({ a: 1, b: 2 });
  const texts = { name: "{/machine}.{path}", value: "*", timestamp: "bus" };
  assert.deepEqual(read(record, texts).invalid, [{
    detail: "{/machine} finds nothing; and 1 more of its parts do not fit",
    raw: record,
  }]);
  const table = "x,value,timestamp\na,1,5\nb,2,5";
  assert.deepEqual(read(table, { format: "csv" }).invalid.map(({ raw }) => raw), [table]);
  assert.equal(read(table, { format: "csv", name: "{/x}" }).events.length, 2);
});

Deno.test("json: ten megabytes and any depth are one record like another", () => {
  const big = `{"pad":"${"x".repeat(10_000_000)}","temp":1,"ts":1,"meta":{"machine":"m"}}`;
  assert.equal(read(big, SHAPE).events[0]!.name, "m.temp");
  const deep = `{"a":${"[".repeat(100_000)}1${"]".repeat(100_000)}}`;
  assert.match(refusal(deep, { name: "n", value: "*", timestamp: "bus" }), /nested more deeply than 100/);
  const nested = (depth: number) => "[".repeat(depth) + "1" + "]".repeat(depth);
  const each = { name: "n{path}", value: "*", timestamp: "bus" };
  assert.equal(read(nested(100), each).events[0]!.name, `n${Array(100).fill("0").join(".")}`);
  assert.match(refusal(nested(101), each), /nested more deeply than 100/);
  assert.equal(read(`{"pad":${deep},"value":1,"name":"n"}`, { timestamp: "bus" }).events.length, 1);
  const many = `[${"1,".repeat(10_001)}1]`;
  const { events, invalid } = read(many, { name: "n", value: "*", timestamp: "bus" });
  assert.equal(events.length, 10_000);
  assert.match(invalid[0]!.detail, /more than 10000 events in one record/);
});

Deno.test("times are read in their unit, and dates as RFC 3339 has them", () => {
  const timeOf = (ts: unknown, timeUnit?: string) =>
    read(json({ name: "n", value: 1, ts }), { timestamp: "/ts", timeUnit }).events[0]?.timeMs;
  assert.equal(timeOf("1790000000.0005"), 1790000000001);
  assert.equal(timeOf(1790000000123, "ms"), 1790000000123);
  assert.equal(timeOf("1790000000123456", "us"), 1790000000123);
  assert.equal(timeOf("1790000000123456789", "ns"), 1790000000123);
  const date = (text: string) => timeOf(text, "rfc3339");
  assert.equal(date("2026-01-31T06:00:00Z"), Date.UTC(2026, 0, 31, 6));
  assert.equal(date(" 2026-01-31t06:00:00.1234z "), Date.UTC(2026, 0, 31, 6, 0, 0, 123));
  assert.equal(date("2026-01-31 06:00:00.5+01:30"), Date.UTC(2026, 0, 31, 4, 30, 0, 500));
  assert.equal(date("2026-01-31T06:00:00-05:00"), Date.UTC(2026, 0, 31, 11));
  assert.equal(date("2016-12-31T23:59:60Z"), Date.UTC(2017, 0, 1));
  const why = (ts: unknown, timeUnit?: string) =>
    refusal(json({ name: "n", value: 1, ts }), { timestamp: "/ts", timeUnit });
  for (
    const none of [
      "2026-02-30T06:00:00Z",
      "2026-01-31T06:00:00",
      "2026-01-31",
      "2026-13-01T00:00:00Z",
      "1960-01-01T00:00:00Z",
    ]
  ) {
    assert.match(why(none, "rfc3339"), /is no time such as/, none);
  }
  assert.match(why(1790000000, "rfc3339"), /the timestamp is a number and no text: EVENT_TIME_UNIT=s, ms/);
  assert.match(why("2026-01-31T06:00:00Z"), /is a date and no number: EVENT_TIME_UNIT=rfc3339 reads it/);
  assert.match(why("1790000000,5"), /the timestamp "1790000000,5" has a decimal comma/);
  assert.match(why(-1), /the timestamp is negative/);
  assert.match(why(true), /the timestamp is no number/);
  assert.match(why([1]), /the timestamp is an array/);
});

Deno.test("bus: the time at which the bus got a record, else that of its arrival", () => {
  const texts = { timestamp: "bus" };
  const record = json({ name: "n", value: 1 });
  assert.equal(read(record, texts).events[0]!.timeMs, ARRIVED_MS);
  assert.equal(read(record, texts, { busMs: 5 }).events[0]!.timeMs, 5);
});

Deno.test("value: one number under its topic", () => {
  const texts = { format: "value", labels: "site:{topic[0]},key:{key},none:{topic[7]}" };
  const context = { topic: "north/line1/temp", key: "k" };
  const [event] = read(" 21.5\n", texts, context).events;
  assert.deepEqual([event!.name, event!.value, event!.labels, event!.timeMs], [
    "north/line1/temp",
    21.5,
    { site: "north", key: "k" },
    ARRIVED_MS,
  ]);
  assert.equal(read("true", texts, context).events[0]!.value, 1);
  assert.match(refusal("1,5", texts, context), /the value "1,5" has a decimal comma/);
  assert.match(refusal("", texts, context), /the value "" is no number/);
  assert.equal(refusal("1", texts), "{topic} finds nothing");
});

const INFLUX = { format: "influx" };

Deno.test("influx: the escapes of line protocol", () => {
  const line = String
    .raw`we\,a\ th\=er,lo\,ca\=ti\ on=us\ mid\,west\=x,b\\s=c\d te\,m\=p\ era=82,"q"=1,t="a \"b\", c=1 \\" 1465839830100400200`;
  const { events, invalid } = read(line, INFLUX);
  assert.deepEqual(invalid, []);
  assert.deepEqual(events.map(({ name, value, timeMs }) => [name, value, timeMs]), [
    ["we,a th=er.te,m=p era", 82, 1465839830100],
    ['we,a th=er."q"', 1, 1465839830100],
  ]);
  assert.deepEqual(events[0]!.labels, {
    "lo,ca=ti on": "us mid,west=x",
    [String.raw`b\\s`]: String.raw`c\d`,
  });
  for (const event of events) assert.deepEqual(read(event.raw, INFLUX).events, [event]);
});

Deno.test("influx: kinds of fields", () => {
  const valuesOf = (fields: string) => read(`m ${fields} 1`, INFLUX).events.map(({ value }) => value);
  assert.deepEqual(valuesOf("a=1,b=-1.5e2,c=2i,d=-3i,e=4u,f=t,g=FALSE,h=true,i=.5,j=5."), [
    1,
    -150,
    2,
    -3,
    4,
    1,
    0,
    1,
    0.5,
    5,
  ]);
  assert.deepEqual(valuesOf("a=9223372036854775807i,b=18446744073709551615u"), [2 ** 63, 2 ** 64]);
  const { events, invalid } = read('m,h=a a=1,b=NaN,c=-Inf,d=1.5i,e=-1u,f=x,t="t" 7', INFLUX);
  assert.deepEqual(events.map(({ name }) => name), ["m.a"]);
  assert.deepEqual(invalid.map(({ detail }) => detail.split(", ")[0]), [
    "the field b is NaN",
    "the field c is -Inf",
    "the field d is no number of line protocol",
    "the field e is no number of line protocol",
    "the field f is no number of line protocol",
  ]);
  assert.match(refusal("m a=1,5 7", INFLUX), /the field "5" is not FIELD=VALUE/);
});

Deno.test("influx: one bad field costs no other; one bad line neither", () => {
  const text =
    'm,h=a a=1,b=NaN 7\n\n# comment, "quote\nbad\nm x="text" 7\nm a=2,b=Infinity\r\nm,=x a=1\nm a=1 ' +
    "soon\n m a=3 8";
  const { events, invalid } = read(text, INFLUX, { busMs: 9 });
  assert.deepEqual(events.map(({ value, timeMs }) => [value, timeMs]), [[1, 0], [2, 9], [3, 0]]);
  assert.deepEqual(invalid.map(({ raw }) => raw), [
    "m,h=a b=NaN 7",
    "bad",
    'm x="text" 7',
    "m b=Infinity",
    "m,=x a=1",
    "m a=1 soon",
  ]);
  assert.match(invalid[0]!.detail, /the field b is NaN, which is no finite number/);
  assert.match(invalid[1]!.detail, /no fields/);
  assert.match(invalid[2]!.detail, /no number among its fields/);
  for (const { raw, detail } of invalid) assert.equal(refusal(raw, INFLUX), detail);
  assert.equal(refusal("# only a comment\n", INFLUX), "no line in it");
  assert.match(refusal('m a="open 1', INFLUX), /has a quote that does not end/);
  assert.match(refusal("m a", INFLUX), /the field "a" is not FIELD=VALUE/);
  assert.match(refusal(",a=b c=1", INFLUX), /no measurement/);
});

Deno.test("influx: of a long text that is refused the beginning is shown", () => {
  const tag = "0123456789".repeat(4);
  assert.equal(refusal(`m,${tag} v=1`, INFLUX), `the tag "${tag}" is not TAG=VALUE`);
  assert.equal(refusal(`m,${tag}x v=1`, INFLUX), `the tag "${tag}…" is not TAG=VALUE`);
});

Deno.test("influx: a line break in the text of a field does not end its line", () => {
  const { events } = read('m a="x\ny",b=1 7\nm b=2 8', INFLUX);
  assert.deepEqual(events.map(({ value }) => value), [1, 2]);
});

Deno.test("influx: a comment, a quote in a name and a backslash at the end cost no line beside them", () => {
  const valuesOf = (text: string) => read(text, INFLUX).events.map(({ value }) => value);
  assert.deepEqual(valuesOf("# kept in C:\\\nm a=1 7"), [1]);
  assert.deepEqual(valuesOf('m a"b=1 7\nm c=2 7'), [1, 2]);
  const cut = read("m a=1 7\nm a=2\\", INFLUX);
  assert.deepEqual([cut.events.length, cut.invalid.map(({ raw }) => raw)], [1, ["m a=2\\"]]);
});

Deno.test("influx: names and labels by measurement, field and tag; times in another unit", () => {
  const texts = {
    ...INFLUX,
    name: "{tag:host}.{field}",
    labels: "of:{measurement},dc:{tag:dc}",
    timeUnit: "s",
  };
  const [event] = read("cpu,host=a,x=y idle=5 1790000000", texts).events;
  assert.deepEqual([event!.name, event!.labels, event!.timeMs], ["a.idle", { of: "cpu" }, 1790000000000]);
  assert.equal(refusal("cpu idle=5 1", texts), "{tag:host} finds nothing");
});

const CSV = { format: "csv", timestamp: "/time", labels: "site:/site" };

Deno.test("csv: rows under a header, by other separators, quotes and line breaks", () => {
  const tables = [
    'name,value,time,site\na,1,5,north\n"b,""c""",2.5,6,',
    '\ufeffname;value;time;site\r\na;1;5;north\r\n\r\n"b,""c""";2.5;6;\r\n',
    'name\tvalue\ttime\tsite\na\t1\t5\tnorth\n"b,""c"""\t"2.5"\t6\t\n',
    'site|time|value|name\nnorth|5|1|a\n|6|2.5|"b,""c"""',
  ];
  for (const table of tables) {
    const { events, invalid } = read(table, CSV);
    assert.deepEqual(invalid, []);
    assert.deepEqual(events.map(({ name, value, timeMs, labels }) => [name, value, timeMs, labels]), [
      ["a", 1, 5000, { site: "north" }],
      ['b,"c"', 2.5, 6000, {}],
    ]);
    for (const event of events) assert.deepEqual(read(event.raw, CSV).events, [event]);
  }
  const broken = read('name,value,time\n"a\nb",1,5', { ...CSV, name: "n" }).events[0]!;
  assert.equal(broken.value, 1);
});

Deno.test("csv: one bad row costs no other, and says what is wrong with it", () => {
  const { events, invalid } = read(
    'name,value,time\na,1,5\nb,2\nc,x,5\n,1,5\nd,"1,5",5\ne,1,5,6\nname,value,time\nf,3,5\ng,4,5"\nh,5,"6',
    CSV,
  );
  assert.deepEqual(events.map(({ name }) => name), ["a", "f"]);
  assert.deepEqual(invalid.map(({ detail }) => detail), [
    "2 cells, where the header has 3",
    'the value in the column value "x" is no number',
    "{/name} finds nothing",
    'the value in the column value "1,5" has a decimal comma; decimals stand behind a point',
    "4 cells, where the header has 3",
    'the timestamp "5\\"" is no number',
    "a quote that does not end",
  ]);
  for (const { raw, detail } of invalid) assert.equal(refusal(raw, CSV), detail);
  assert.equal(refusal("", CSV), "no header in it");
  assert.equal(refusal("name,value,time\n", CSV), "no row under the header");
  assert.equal(refusal("name,time\na,5", CSV), "no value: there is no column value");
});

Deno.test("csv: a header that is not UTF-8 is refused, whatever its rows have", () => {
  const table = new TextEncoder().encode("x,é,value,timestamp\na,b,1,5");
  const texts = { format: "csv", name: "{/x}" };
  assert.deepEqual(read(table, texts).events.map(({ name }) => name), ["a"]);
  table[table.indexOf(0xc3)] = 0xff;
  assert.equal(refusal(table, texts), "not UTF-8");
});

Deno.test("csv: each column that is a number", () => {
  const texts = { format: "csv", name: "{/machine}.{column}", value: "*", timestamp: "/time" };
  const { events } = read("machine,time,temp,state,load\n7,5,21.5,running,3\n8,6,,x,4", texts);
  assert.deepEqual(events.map(({ name, value }) => [name, value]), [["7.temp", 21.5], ["7.load", 3], [
    "8.load",
    4,
  ]]);
  for (const event of events) assert.deepEqual(read(event.raw, texts).events, [event]);
  assert.equal(refusal("machine,time,temp\n7,5,", texts), "no number in it");
});

Deno.test("each number of a record has an id of its own, also in its dead letter", () => {
  const records = [
    [json({ name: "m", timestamp: 5, id: "r", a: 1, in: [2, { a: 3 }] }), "json", [["a"], ["in", "0"], [
      "in",
      "1",
      "a",
    ]]],
    [json({ name: "m", timestamp: 5, id: "r", a: 1 }), "json", [["a"]]],
    ["name,timestamp,id,a,b\nm,5,r,1,2", "csv", [["a"], ["b"]]],
    // A header may name columns alike.
    ["a,name,timestamp, a ,id,b,a\n1,m,5,2,r,3,4", "csv", [["a"], ["a", "2"], ["b"], ["a", "3"]]],
  ] as const;
  for (const [record, format, paths] of records) {
    const texts = { format, name: "{/name}", value: "*" };
    const { events } = read(record, texts);
    assert.deepEqual(events.map(({ id }) => id), paths.map((path) => json(["r", ...path])));
    for (const event of events) assert.deepEqual(read(event.raw, texts).events, [event]);
  }
});

Deno.test("influx: a decimal comma is told from a field without a value", () => {
  const texts = { format: "influx" };
  assert.match(
    refusal("m v=1,5 1790000000000000000", texts),
    /^the field "5" is not .*; decimals stand behind a point/,
  );
  assert.match(refusal("m v=1,w 1790000000000000000", texts), /^the field "w" is not FIELD=VALUE$/);
});
