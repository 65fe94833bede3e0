import assert from "node:assert/strict";
import fc from "../../support/fast_check.ts";
import { REMOTE_WRITE } from "../../../src/codec/prometheus/remote_write.ts";
import type { Push } from "../../../src/codec/push.ts";
import { PushError } from "../../../src/codec/push_error.ts";
import {
  compressed,
  rawRequestV2,
  type SentSeries,
  writeRequest,
  writeRequestV2,
} from "../../support/prometheus_messages.ts";
import { countOf, pushOf, recordsOf } from "../../support/pushed_records.ts";

const V1 = "application/x-protobuf";
const V2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request";

/** The same series by both versions of the protocol. */
const VERSIONS = [
  {
    name: "1.0",
    encode: writeRequest,
    read: (message: Uint8Array) => pushOf(REMOTE_WRITE, compressed(message), V1),
  },
  {
    name: "2.0",
    encode: writeRequestV2,
    read: (message: Uint8Array) => pushOf(REMOTE_WRITE, compressed(message), V2),
  },
];

const bodyOf = ({ answer }: Push) => new TextDecoder().decode(answer.body);
const writtenOf = ({ answer }: Push) =>
  ["Samples", "Histograms", "Exemplars"].map((kind) =>
    answer.headers[`X-Prometheus-Remote-Write-${kind}-Written`]
  );
const sample = (value: number, timestamp = 1_790_000_000_123) => ({ value, timestamp });

for (const { name, encode, read } of VERSIONS) {
  Deno.test(`remote write ${name}: names, labels, values and times come as they were sent`, () => {
    const push = read(encode([
      {
        labels: { __name__: "http_requests_total", job: "api", instance: "a:9090" },
        samples: [sample(5), sample(7, 1_790_000_015_123)],
      },
      { labels: { __name__: "temperature", site: "Köln 🏭", empty: "" }, samples: [sample(-1.5)] },
      { labels: { __name__: "latency_bucket", le: "+Inf" }, samples: [sample(1e300)] },
      { labels: { __name__: "ü" }, samples: [sample(0, 0)] },
    ]));
    assert.deepEqual(recordsOf(push), [
      {
        name: "http_requests_total",
        labels: { instance: "a:9090", job: "api" },
        default_func: "last",
        value: 5,
        timestamp: 1_790_000_000.123,
      },
      {
        name: "http_requests_total",
        labels: { instance: "a:9090", job: "api" },
        default_func: "last",
        value: 7,
        timestamp: 1_790_000_015.123,
      },
      {
        name: "temperature",
        labels: { site: "Köln 🏭" },
        default_func: "avg",
        value: -1.5,
        timestamp: 1_790_000_000.123,
      },
      {
        name: "latency_bucket",
        labels: { le: "+Inf" },
        default_func: "last",
        value: 1e300,
        timestamp: 1_790_000_000.123,
      },
      { name: "ü", default_func: "avg", value: 0, timestamp: 0 },
    ]);
    assert.equal(push.answer.status, 200);
    assert.deepEqual(writtenOf(push), ["5", "0", "0"]);
    assert.equal(bodyOf(push), "");
  });

  Deno.test(`remote write ${name}: staleness markers and NaN are no events, and no fault of the sender`, () => {
    const message = encode([{ labels: { __name__: "a" }, samples: [sample(NaN), sample(0.1), sample(2)] }]);
    // No encoder keeps the bits of a NaN, so the marker is put in the place of 0.1.
    const marked = replaced(message, 0.1, [2, 0, 0, 0, 0, 0, 0xf0, 0x7f]);
    const push = read(marked);
    assert.deepEqual(recordsOf(push).map(({ value }) => value), [2]);
    assert.equal(push.answer.status, 200);
    assert.deepEqual(writtenOf(push), ["3", "0", "0"]);
  });

  Deno.test(`remote write ${name}: what is wrong is told, and all others are taken`, () => {
    const many = Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`l${i}`, "x"]));
    const push = read(encode([
      { labels: { __name__: "good" }, samples: [sample(1), sample(Infinity), sample(2, -1)] },
      { labels: { job: "api" }, samples: [sample(1)] },
      { labels: { __name__: "many", ...many }, samples: [sample(1), sample(2)] },
      { labels: { __name__: "long", a: "x".repeat(2050) }, samples: [sample(1)] },
      { labels: { __name__: "control", a: "x\n" }, samples: [sample(1)] },
      { labels: { __name__: "also good" }, samples: [sample(3)] },
    ]));
    assert.deepEqual(recordsOf(push).map(({ name, value }) => [name, value]), [["good", 1], [
      "also good",
      3,
    ]]);
    assert.equal(push.answer.status, 400);
    assert.deepEqual(writtenOf(push), ["2", "0", "0"]);
    const body = bodyOf(push);
    assert.match(body, /^7 of 9 samples are refused, the others are taken: /);
    for (
      const reason of [
        'the value Infinity, which is no finite number (1, such as "good")',
        'a negative timestamp (1, such as "good")',
        'a series without the label __name__ (1, such as "(no name)")',
        'more than 32 labels (2, such as "many")',
        'name and labels longer than 2048 bytes together (1, such as "long")',
        'a label with a control character (1, such as "control")',
      ]
    ) assert.ok(body.includes(reason), `${reason}: ${body}`);
  });

  Deno.test(`remote write ${name}: a native histogram is its count and its sum`, () => {
    const buckets = {
      schema: 3,
      positive_spans: [{ offset: -2, length: 2 }],
      positive_deltas: [5, -3],
      zero_count_int: 1,
    };
    const push = read(encode([{
      labels: { __name__: "latency_seconds", job: "a" },
      histograms: [
        { count_int: 8, sum: 1.25, timestamp: 1000, ...buckets },
        { count_float: 8.5, sum: 0, timestamp: 2000, positive_counts: [1.5], custom_values: [1, 2] },
        { count_int: 9, sum: NaN, timestamp: 3000 },
        { count_int: 9, sum: 0.1, timestamp: 4000 },
      ],
    }]));
    assert.deepEqual(
      recordsOf(push).map((
        { name, default_func, value, timestamp },
      ) => [name, default_func, value, timestamp]),
      [
        ["latency_seconds_count", "last", 8, 1],
        ["latency_seconds_sum", "last", 1.25, 1],
        ["latency_seconds_count", "last", 8.5, 2],
        ["latency_seconds_sum", "last", 0, 2],
        ["latency_seconds_count", "last", 9, 3],
        ["latency_seconds_count", "last", 9, 4],
        ["latency_seconds_sum", "last", 0.1, 4],
      ],
    );
    assert.deepEqual(writtenOf(push), ["0", "4", "0"]);
    const stale = replaced(
      encode([{ labels: { __name__: "a" }, histograms: [{ count_int: 1, sum: 0.1, timestamp: 1 }] }]),
      0.1,
      [2, 0, 0, 0, 0, 0, 0xf0, 0x7f],
    );
    assert.deepEqual(recordsOf(read(stale)), []);
    assert.deepEqual(writtenOf(read(stale)), ["0", "1", "0"]);
  });

  Deno.test(`remote write ${name}: samples and histograms are counted together where some are refused`, () => {
    const histogram = { count_int: 8, sum: 1.25, timestamp: 1000 };
    const push = read(encode([
      { labels: { __name__: "a" }, samples: [sample(1), sample(2, -1)], histograms: [histogram] },
      { labels: { job: "b" }, histograms: [histogram] },
    ]));
    assert.match(bodyOf(push), /^2 of 4 samples are refused, the others are taken: /);
    assert.deepEqual(writtenOf(push), ["1", "1", "0"]);
  });

  Deno.test(`remote write ${name}: cut at any byte before compression, or after it, it is an error`, () => {
    const message = encode([
      { labels: { __name__: "a", job: "b" }, samples: [sample(1), sample(2)] },
      { labels: { __name__: "c" }, histograms: [{ count_int: 3, sum: 2, timestamp: 1 }] },
    ]);
    const whole = recordsOf(read(message));
    for (let length = 0; length < message.length; length++) {
      try {
        // Between two fields of the request the rest is a request too.
        const records = recordsOf(read(message.subarray(0, length)));
        assert.deepEqual(records, whole.slice(0, records.length));
      } catch (error) {
        assert.ok(error instanceof PushError && error.status === 400, String(error));
        assert.match(error.message, / at byte \d+$/);
      }
    }
    const block = compressed(message);
    for (let length = 0; length < block.length; length++) {
      assert.throws(
        () => pushOf(REMOTE_WRITE, block.subarray(0, length), name === "1.0" ? V1 : V2),
        (error) => error instanceof PushError && error.status === 400,
      );
    }
  });

  Deno.test(`remote write ${name}, property: what was encoded comes back`, () => {
    const text = fc.string({ unit: "binary", maxLength: 12 })
      .filter((text) => text.isWellFormed() && !/\p{Cc}/u.test(text));
    const series = fc.record({
      labels: fc.tuple(text.filter((name) => name !== ""), fc.dictionary(text, text, { maxKeys: 4 }))
        .map(([name, labels]) => ({ ...labels, __name__: name })),
      samples: fc.array(
        fc.record({
          value: fc.double({ noNaN: true, noDefaultInfinity: true }),
          timestamp: fc.nat(2_000_000_000).map((s) => s * 997),
        }),
        { maxLength: 3 },
      ),
    });
    fc.assert(fc.property(fc.array(series, { maxLength: 5 }), (sent: SentSeries[]) => {
      const found = recordsOf(read(encode(sent)));
      const expected = sent.flatMap(({ labels: { __name__: name, ...labels }, samples = [] }) => {
        const kept = Object.entries(labels).filter(([, value]) => value !== "").sort();
        return samples.map(({ value, timestamp }) => [name, JSON.stringify(kept), value + 0, timestamp]);
      });
      assert.deepEqual(
        found.map(({ name, labels = {}, value, timestamp }) => [
          name,
          JSON.stringify(Object.entries(labels).sort()),
          value,
          Math.round(timestamp * 1000),
        ]),
        expected,
      );
    }));
  });
}

Deno.test("remote write: types of version 2 decide before names do", () => {
  const series = [1, 2, 3, 5, 0].flatMap((type) =>
    ["a", "a_total"].map((name) => ({
      labels: { __name__: name },
      samples: [sample(1)],
      type,
    }))
  );
  const push = pushOf(REMOTE_WRITE, compressed(writeRequestV2(series)), V2);
  assert.deepEqual(recordsOf(push).map(({ default_func }) => default_func), [
    "last",
    "last",
    "avg",
    "avg",
    "avg",
    "last",
    "avg",
    "last",
    "avg",
    "last",
  ]);
});

Deno.test("remote write: labels that refer to nothing or twice to the same are refused with their series", () => {
  const samples = [{ value: 1, timestamp: 1 }];
  const symbols = ["", "__name__", "a", "b"];
  const push = pushOf(
    REMOTE_WRITE,
    compressed(rawRequestV2(symbols, [
      { labels_refs: [1, 2], samples },
      { labels_refs: [1, 9], samples },
      { labels_refs: [1, 2, 3], samples },
      { labels_refs: [1, 2, 3, 3, 3, 2], samples },
      { labels_refs: [1, 2, 1, 3], samples },
      { labels_refs: [1, 0], samples },
      { labels_refs: [], samples },
    ])),
    V2,
  );
  assert.equal(recordsOf(push).length, 1);
  assert.match(
    bodyOf(push),
    /^6 of 7 samples are refused.*a symbol that there is not \(1.*without a value \(1.*there twice \(2.*__name__ \(2/,
  );
  const bad = Uint8Array.of(
    0x0a,
    0x0f,
    0x0a,
    0x0d,
    0x0a,
    8,
    ...new TextEncoder().encode("__name__"),
    0x12,
    1,
    0xff,
  );
  const withSample = Uint8Array.of(...bad, 0x12, 0);
  withSample[1] = 0x11;
  assert.match(bodyOf(pushOf(REMOTE_WRITE, compressed(withSample), V1)), /a name that is not UTF-8/);
});

Deno.test("remote write: other types of content are 415, whatever is in them", () => {
  const body = compressed(writeRequest([]));
  for (
    const type of [
      undefined,
      "",
      "application/json",
      "application/x-protobuf;proto=prometheus.Other",
      "text/x-protobuf",
    ]
  ) {
    assert.throws(
      () => pushOf(REMOTE_WRITE, body, type),
      (error) => error instanceof PushError && error.status === 415,
    );
  }
  for (
    const type of [
      "application/X-Protobuf",
      'application/x-protobuf; charset=x; Proto="prometheus.WriteRequest"',
    ]
  ) assert.equal(pushOf(REMOTE_WRITE, body, type).answer.status, 200);
  assert.deepEqual(REMOTE_WRITE.refusal(415, "other", V1).headers, {
    "Content-Type": "text/plain; charset=utf-8",
  });
  const refusal = REMOTE_WRITE.refusal(429, "full", V1);
  assert.deepEqual(refusal.headers, {
    "Content-Type": "text/plain; charset=utf-8",
    "X-Prometheus-Remote-Write-Samples-Written": "0",
    "X-Prometheus-Remote-Write-Histograms-Written": "0",
    "X-Prometheus-Remote-Write-Exemplars-Written": "0",
  });
  assert.deepEqual([refusal.status, new TextDecoder().decode(refusal.body)], [503, "full\n"]);
});

Deno.test("remote write: 100,000 series are read; what would become too much is refused with 413", () => {
  const series = Array.from({ length: 100_000 }, (_, i) => ({
    labels: { __name__: "a", instance: `host-${i}` },
    samples: [sample(i)],
  }));
  const push = pushOf(REMOTE_WRITE, compressed(writeRequest(series)), V1);
  assert.equal(countOf(push), 100_000);
  const symbols = ["", "__name__", "a", "l", "x".repeat(1900)];
  const bomb = (samples: object[], copies: number, refs: number[]) =>
    compressed(rawRequestV2(symbols, Array(copies).fill({ labels_refs: refs, samples })));
  const isTooMuch = (error: unknown) => error instanceof PushError && error.status === 413;
  assert.throws(
    () => pushOf(REMOTE_WRITE, bomb(Array(50).fill(sample(1)), 1000, [1, 2, 3, 4]), V2),
    isTooMuch,
  );
  assert.throws(() => pushOf(REMOTE_WRITE, bomb([sample(1)], 150_000, [3, 4]), V2), isTooMuch);
  const manySymbols = compressed(rawRequestV2(Array(1_000_001).fill(""), []));
  assert.throws(() => pushOf(REMOTE_WRITE, manySymbols, V2), isTooMuch);
});

/** A message with other bytes in the place of a double. */
function replaced(message: Uint8Array, double: number, bytes: readonly number[]): Uint8Array {
  const found = new Uint8Array(Float64Array.of(double).buffer);
  const at = message.findIndex((_, i) => found.every((byte, k) => message[i + k] === byte));
  assert.ok(at >= 0);
  return Uint8Array.from(message, (byte, i) => i >= at && i < at + 8 ? bytes[i - at]! : byte);
}
