import assert from "node:assert/strict";
import fc from "../../support/fast_check.ts";
import { OTLP_METRICS } from "../../../src/codec/otlp/otlp_metrics.ts";
import { PushError } from "../../../src/codec/push_error.ts";
import {
  attribute,
  decodedAnswer,
  decodedStatus,
  encoded,
  JSON_TYPE,
  PROTOBUF,
  requestOf,
} from "../../support/otlp_messages.ts";
import { countOf, pushOf, recordsOf } from "../../support/pushed_records.ts";

const TIME = { timeUnixNano: "1790000000123400000" };
const DELTA = 1;
const CUMULATIVE = 2;

const gauge = (name: string, ...dataPoints: object[]) => ({ name, unit: "1", gauge: { dataPoints } });

for (const type of [PROTOBUF, JSON_TYPE]) {
  const read = (metrics: object[], resource: object[] = []) =>
    pushOf(OTLP_METRICS, encoded(requestOf(metrics, resource), type), type);
  const shown = (metrics: object[]) =>
    recordsOf(read(metrics)).map(({ name, labels, default_func, value }) => [
      name,
      labels?.quantile ?? "",
      default_func,
      value,
    ]);

  Deno.test(`OTLP as ${type}: gauges and sums, with the functions that their temporality asks for`, () => {
    const dataPoints = [{ ...TIME, asDouble: 1.5 }, { ...TIME, asInt: "-7" }];
    const push = read([
      gauge("temperature", ...dataPoints),
      { name: "delta", sum: { dataPoints, aggregationTemporality: DELTA, isMonotonic: true } },
      { name: "cumulative", sum: { dataPoints, aggregationTemporality: CUMULATIVE, isMonotonic: true } },
      {
        name: "up.down",
        sum: { dataPoints: [{ ...TIME, asInt: "9007199254740993" }], aggregationTemporality: CUMULATIVE },
      },
      { name: "nothing of a known kind" },
    ]);
    const timestamp = 1_790_000_000.123;
    assert.deepEqual(
      recordsOf(push),
      [
        ["temperature", "avg", 1.5],
        ["temperature", "avg", -7],
        ["delta", "sum", 1.5],
        ["delta", "sum", -7],
        ["cumulative", "last", 1.5],
        ["cumulative", "last", -7],
        ["up.down", "last", 9007199254740992],
      ].map(([name, default_func, value]) => ({ name, default_func, value, timestamp })),
    );
    assert.deepEqual([push.answer.status, push.answer.headers["Content-Type"]], [200, type]);
    assert.deepEqual(decodedAnswer(push.answer.body, type), {});
  });

  Deno.test(`OTLP as ${type}: attributes are labels; those of a point go before those of its resource`, () => {
    const bytes = type === JSON_TYPE ? "AQI=" : Uint8Array.of(1, 2);
    const push = read(
      [gauge("a", {
        ...TIME,
        asDouble: 1,
        attributes: [
          attribute("text", "ü"),
          attribute("bool", { boolValue: false }),
          attribute("int", { intValue: "-9223372036854775808" }),
          attribute("double", { doubleValue: 0.5 }),
          attribute("list", { arrayValue: { values: [{ stringValue: "a" }, { boolValue: true }, {}] } }),
          attribute("map", { kvlistValue: { values: [attribute("k", { arrayValue: {} })] } }),
          attribute("bytes", { bytesValue: bytes }),
          { key: "none" },
          attribute("site", "own"),
        ],
      })],
      [
        attribute("service.name", "press"),
        attribute("site", "of the resource"),
        attribute("process.pid", { intValue: "4" }),
        attribute("telemetry.sdk.name", "x"),
        attribute("os.type", "linux"),
        attribute("process", "kept"),
      ],
    );
    assert.deepEqual(recordsOf(push)[0]!.labels, {
      text: "ü",
      bool: "false",
      int: "-9223372036854775808",
      double: "0.5",
      list: '["a",true,null]',
      map: '{"k":[]}',
      bytes: "AQI=",
      none: "",
      site: "own",
      "service.name": "press",
      process: "kept",
    });
  });

  Deno.test(`OTLP as ${type}: histograms are counts and sums, and quantiles where they are deltas`, () => {
    const point = {
      ...TIME,
      count: "10",
      sum: 40,
      bucketCounts: ["0", "5", "4", "1"],
      explicitBounds: [0, 5, 10],
    };
    const histogram = (dataPoint: object, aggregationTemporality: number) => ({
      name: "h",
      histogram: { dataPoints: [dataPoint], aggregationTemporality },
    });
    assert.deepEqual(shown([histogram({ ...point, min: 1, max: 12 }, DELTA)]), [
      ["h_count", "", "sum", 10],
      ["h_sum", "", "sum", 40],
      ["h", "0", "min", 1],
      ["h", "1", "max", 12],
      ["h", "0.5", "avg", 5],
      ["h", "0.9", "avg", 10],
      ["h", "0.99", "avg", 11.8],
    ]);
    assert.deepEqual(shown([histogram(point, DELTA)]).slice(2), [
      ["h", "0.5", "avg", 5],
      ["h", "0.9", "avg", 10],
      ["h", "0.99", "avg", 10],
    ]);
    assert.deepEqual(shown([histogram({ ...point, min: 1 }, CUMULATIVE)]), [
      ["h_count", "", "last", 10],
      ["h_sum", "", "last", 40],
    ]);
    assert.deepEqual(shown([histogram({ ...TIME, count: "3" }, DELTA)]), [["h_count", "", "sum", 3]]);
    assert.deepEqual(shown([histogram({ ...TIME, count: "0", min: 0, max: 0 }, DELTA)]), [[
      "h_count",
      "",
      "sum",
      0,
    ]]);
  });

  Deno.test(`OTLP as ${type}: exponential histograms and summaries`, () => {
    const dataPoints = [{
      ...TIME,
      count: "8",
      sum: 6,
      scale: 0,
      zeroCount: "2",
      positive: { offset: 0, bucketCounts: ["2", "2"] },
      negative: { offset: 1, bucketCounts: ["2"] },
      zeroThreshold: 0,
    }];
    assert.deepEqual(
      shown([{ name: "e", exponentialHistogram: { dataPoints, aggregationTemporality: DELTA } }]),
      [
        ["e_count", "", "sum", 8],
        ["e_sum", "", "sum", 6],
        ["e", "0.5", "avg", 0],
        ["e", "0.9", "avg", 3.2],
        ["e", "0.99", "avg", 3.92],
      ],
    );
    assert.deepEqual(
      shown([{ name: "e", exponentialHistogram: { dataPoints, aggregationTemporality: CUMULATIVE } }]).length,
      2,
    );
    const summary = {
      ...TIME,
      count: "4",
      sum: 2,
      quantileValues: [{ quantile: 0.5, value: 0.25 }, {
        quantile: 1,
        value: type === JSON_TYPE ? "NaN" : NaN,
      }],
    };
    const ended = { ...summary, flags: 1 };
    assert.deepEqual(shown([{ name: "s", summary: { dataPoints: [summary, ended] } }]), [
      ["s_count", "", "last", 4],
      ["s_sum", "", "last", 2],
      ["s", "0.5", "avg", 0.25],
    ]);
    const labelled = { ...summary, attributes: [attribute("line", "4")] };
    assert.deepEqual(
      recordsOf(read([{ name: "s", summary: { dataPoints: [labelled] } }])).map(({ labels }) => labels?.line),
      ["4", "4", "4"],
    );
  });

  Deno.test(`OTLP as ${type}: what is refused is told as partial success; a series that has ended is no fault`, () => {
    const many = Array.from({ length: 33 }, (_, i) => attribute(`l${i}`, "x"));
    const infinite = type === JSON_TYPE ? "Infinity" : Infinity;
    const push = read([
      gauge(
        "g",
        { ...TIME, asDouble: 1 },
        { ...TIME, flags: 1 },
        { ...TIME, asDouble: infinite },
        { asDouble: 1 },
        { ...TIME },
        { ...TIME, asDouble: 1, attributes: many },
        { ...TIME, asDouble: 1, attributes: [attribute("a", "1"), attribute("a", "2")] },
      ),
      gauge("", { ...TIME, asDouble: 1 }),
      { name: "s", sum: { dataPoints: [{ ...TIME, asDouble: 1 }] } },
      {
        name: "h",
        histogram: {
          dataPoints: [
            { ...TIME, count: "1", bucketCounts: ["1"], explicitBounds: [1] },
            { ...TIME, count: "1", bucketCounts: ["1", "0", "0"], explicitBounds: [2, 1] },
            { ...TIME, count: "1", sum: infinite },
          ],
          aggregationTemporality: DELTA,
        },
      },
    ]);
    assert.equal(recordsOf(push).length, 1);
    assert.equal(push.answer.status, 200);
    const { partialSuccess } = decodedAnswer(push.answer.body, type) as {
      partialSuccess: { rejectedDataPoints: string; errorMessage: string };
    };
    assert.equal(partialSuccess.rejectedDataPoints, "10");
    for (
      const reason of [
        "10 of 12 points are refused, the others are taken: ",
        "the value Infinity, which is no finite number (2",
        "a point without a time (1",
        "a point without a value (1",
        "more than 32 labels (1",
        "a label that is there twice (1",
        "no name (1",
        "neither delta nor cumulative (1",
        "1 counts of buckets for 1 bounds (1",
        "bounds do not ascend (1",
      ]
    ) assert.ok(partialSuccess.errorMessage.includes(reason), `${reason}: ${partialSuccess.errorMessage}`);
  });

  Deno.test(`OTLP as ${type}: cut at any byte it is an error with its place, or what came before the cut`, () => {
    const metrics = [
      gauge("a", { ...TIME, asDouble: 1, attributes: [attribute("k", "v")] }),
      {
        name: "h",
        histogram: {
          dataPoints: [{ ...TIME, count: "2", bucketCounts: ["1", "1"], explicitBounds: [1] }],
          aggregationTemporality: DELTA,
        },
      },
    ];
    const bytes = encoded({
      resourceMetrics: [requestOf(metrics), requestOf(metrics)].flatMap((one) =>
        (one as { resourceMetrics: object[] }).resourceMetrics
      ),
    }, type);
    for (let length = 0; length < bytes.length; length++) {
      try {
        const count = countOf(pushOf(OTLP_METRICS, bytes.subarray(0, length), type));
        assert.ok(type === PROTOBUF && (count === 0 || count === 5), `${length}: ${count}`);
      } catch (error) {
        assert.ok(error instanceof PushError && error.status === 400, String(error));
        assert.match(error.message, type === JSON_TYPE ? /not JSON/ : / at byte \d+$/);
      }
    }
  });

  Deno.test(`OTLP as ${type}: refusals are answered as a Status`, () => {
    const { status, headers, body } = OTLP_METRICS.refusal(429, "full", type);
    assert.deepEqual([status, headers["Content-Type"]], [429, type]);
    assert.deepEqual(decodedStatus(body, type), { code: 8, message: "full" });
    const codes = [400, 401, 403, 413, 415, 503, 500].map((status) =>
      decodedStatus(OTLP_METRICS.refusal(status, "no", type).body, type).code
    );
    assert.deepEqual(codes, [3, 16, 7, 8, 3, 14, 2]);
  });
}

Deno.test("OTLP, property: both encodings of a request are the same records", () => {
  const value = fc.double({ noNaN: true, noDefaultInfinity: true });
  const count = fc.nat(1000).map(String);
  const text = fc.string({ unit: "binary", maxLength: 9 }).filter((one) => one.isWellFormed());
  const attributes = fc.array(fc.tuple(text, text).map(([key, one]) => attribute(key, one)), {
    maxLength: 3,
  });
  const point = fc.record({
    timeUnixNano: fc.bigInt({ min: 0n, max: 2n ** 63n }).map(String),
    attributes,
    flags: fc.constantFrom(0, 1, 2),
  });
  const number = fc.tuple(point, value).map(([one, asDouble]) => ({ ...one, asDouble }));
  const bucketCounts = fc.array(count, { maxLength: 5 });
  const histogram = fc.tuple(point, count, value, bucketCounts, fc.array(value, { maxLength: 4 })).map(
    ([one, count, sum, bucketCounts, bounds]) => ({
      ...one,
      count,
      sum,
      bucketCounts,
      explicitBounds: bounds.sort((a, b) => a - b),
    }),
  );
  const half = fc.record({ offset: fc.integer({ min: -9, max: 9 }), bucketCounts });
  const exponential = fc.tuple(point, count, half, half, fc.integer({ min: -12, max: 22 })).map(
    ([one, count, positive, negative, scale]) => ({
      ...one,
      count,
      positive,
      negative,
      scale,
      zeroCount: count,
    }),
  );
  const temporality = fc.nat(2);
  const metric = fc.oneof(
    fc.tuple(text, fc.array(number)).map(([name, dataPoints]) => ({ name, gauge: { dataPoints } })),
    fc.tuple(text, fc.array(number), temporality).map(([name, dataPoints, aggregationTemporality]) => ({
      name,
      sum: { dataPoints, aggregationTemporality },
    })),
    fc.tuple(text, fc.array(histogram), temporality).map(([name, dataPoints, aggregationTemporality]) => ({
      name,
      histogram: { dataPoints, aggregationTemporality },
    })),
    fc.tuple(text, fc.array(exponential), temporality).map(([name, dataPoints, aggregationTemporality]) => ({
      name,
      exponentialHistogram: { dataPoints, aggregationTemporality },
    })),
  );
  fc.assert(fc.property(fc.array(metric, { maxLength: 4 }), attributes, (metrics, resource) => {
    const request = requestOf(metrics, resource);
    const [asProtobuf, asJson] = [PROTOBUF, JSON_TYPE].map((type) => {
      const push = pushOf(OTLP_METRICS, encoded(request, type), type);
      return { records: recordsOf(push), answer: decodedAnswer(push.answer.body, type) };
    });
    assert.deepEqual(asProtobuf, asJson);
  }));
});

Deno.test("OTLP: JSON of another shape is refused with what is wrong", () => {
  const faultOf = (text: string) => {
    try {
      pushOf(OTLP_METRICS, new TextEncoder().encode(text), JSON_TYPE);
      return "read";
    } catch (error) {
      assert.ok(error instanceof PushError);
      return `${error.status} ${error.message}`;
    }
  };
  const metric = (text: string) => `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[${text}]}]}]}`;
  assert.equal(faultOf("{}"), "read");
  assert.equal(faultOf('{"resourceMetrics":null}'), "read");
  assert.match(faultOf(""), /^400 the body is not JSON/);
  assert.match(faultOf("[]"), /^400 the body is not an object/);
  assert.match(faultOf('{"resourceMetrics":{}}'), /^400 resourceMetrics is not an array/);
  assert.match(faultOf(metric("3")), /^400 a metric is not an object/);
  assert.match(faultOf(metric('{"name":3}')), /^400 the name of a metric is not a text/);
  assert.match(
    faultOf(metric('{"gauge":{"dataPoints":[{"asDouble":"1x"}]}}')),
    /^400 a value is not a number/,
  );
  assert.match(faultOf(metric('{"gauge":{"dataPoints":[{"flags":{}}]}}')), /^400 flags is not a number/);
  let deep = '{"stringValue":"a"}';
  for (let i = 0; i < 20; i++) deep = `{"arrayValue":{"values":[${deep}]}}`;
  const point = `{"timeUnixNano":1,"asInt":1,"attributes":[{"key":"a","value":${deep}}]}`;
  assert.match(faultOf(metric(`{"gauge":{"dataPoints":[${point}]}}`)), /^400 .*more than 8 levels deep/);
  assert.match(faultOf("[".repeat(100_000)), /^400 the body is not JSON/);
  assert.match(faultOf(`[${"{},".repeat(1_600_000)}{}]`), /^413 .*parts/);
  assert.match(faultOf(`[${",".repeat(3_000_000)}`), /^413 .*parts/);
  assert.match(faultOf(`[${",".repeat(2_999_999)}`), /^400 the body is not JSON/);
  assert.match(faultOf(`[${" ".repeat(16 * 1024 * 1024)}]`), /^413 .*16 MiB/);
  assert.throws(
    () => pushOf(OTLP_METRICS, Uint8Array.of(0x22, 0xff, 0x22), JSON_TYPE),
    (error) => error instanceof PushError && /not UTF-8/.test(error.message),
  );
  for (const type of [undefined, "text/plain", "application/grpc"]) {
    assert.throws(
      () => pushOf(OTLP_METRICS, new Uint8Array(0), type),
      (error) => error instanceof PushError && error.status === 415,
    );
  }
});

Deno.test("OTLP: 100,000 points are read; a resource of as many parts is refused", () => {
  const points = Array.from({ length: 100_000 }, (_, i) => ({
    ...TIME,
    asInt: String(i),
    attributes: [attribute("i", String(i))],
  }));
  for (const type of [PROTOBUF, JSON_TYPE]) {
    assert.equal(
      countOf(pushOf(OTLP_METRICS, encoded(requestOf([gauge("a", ...points)]), type), type)),
      100_000,
    );
  }
  const empty = new Uint8Array(8_000_000);
  for (let at = 0; at < empty.length; at += 2) empty[at] = 0x0a;
  assert.deepEqual(pushOf(OTLP_METRICS, empty, PROTOBUF).runs, []);
  const attributes = Array(200_001).fill({});
  assert.throws(
    () => pushOf(OTLP_METRICS, encoded(requestOf([], attributes), PROTOBUF), PROTOBUF),
    (error) => error instanceof PushError && error.status === 413,
  );
});
