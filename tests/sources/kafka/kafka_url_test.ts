import assert from "node:assert/strict";
import { knownKafkaUrl, readKafkaUrl } from "../../../src/sources/kafka/kafka_url.ts";

const LAST_PORT = 65_535;

function read(url: string) {
  const read = readKafkaUrl(url);
  assert.ok(!("problem" in read), JSON.stringify(read));
  return read;
}

Deno.test("the brokers of a URL have the port that it gives them, else 9092", () => {
  const { address, brokers, hasTls, topics } = read(
    "KAFKA://broker1,[fd00::1],broker2:9, 10.0.0.1:65535/a,b",
  );
  assert.deepEqual(brokers.map(({ host, port }) => `${host} ${port}`), [
    "broker1 9092",
    "fd00::1 9092",
    "broker2 9",
    "10.0.0.1 65535",
  ]);
  assert.equal(address, "kafka://broker1:9092,[fd00::1]:9092,broker2:9,10.0.0.1:65535/a,b");
  assert.deepEqual([hasTls, topics], [false, ["a", "b"]]);
  assert.equal(read("kafkas://broker/a").hasTls, true);
});

Deno.test("a URL that leads nowhere is refused", () => {
  for (
    const [url, problem] of [
      ["kafka://broker:0/a", /host:port/],
      ["kafka://broker:65536/a", /host:port/],
      ["kafka://broker:x/a", /host:port/],
      ["kafka:///a", /host:port/],
      ["kafka://broker", /no topic/],
      ["kafka://broker/a,a", /no topic/],
      ["kafka://broker/..", /no topic/],
      ["kafka://broker/a,..", /no topic/],
      [`kafka://broker/${"a".repeat(250)}`, /no topic/],
      ["kafka://broker,/a", /host:port/],
      ["kafka://broker:65536,b/a", /host:port/],
      ["kafka://u%:secret@broker/a", /a user or password with a %/],
      ["kafka://broker/a?sasl=gssapi", /parameter of Kafka that it does not have/],
      ["kafka://broker/a?mechanism=plain", /parameter/],
      ["kafka://broker/a?start=first", /parameter/],
      ["kafka://broker/a?begin=newest", /parameter/],
      ["kafka://broker/a?begin=oldest", /parameter/],
      ["broker/a", /not of the form/],
    ] as const
  ) {
    const read = readKafkaUrl(url);
    assert.ok("problem" in read, url);
    assert.match(read.problem, problem, url);
    assert.doesNotMatch(read.problem, /secret/);
    assert.throws(() => knownKafkaUrl(url), new Error(read.problem));
  }
});

Deno.test("a URL says who reads, how the login goes and where the source begins", () => {
  const { sasl, start, username, password } = read("kafka://broker/a");
  assert.deepEqual([sasl, start, username, password], [undefined, "oldest", undefined, undefined]);
  assert.deepEqual(
    knownKafkaUrl("kafkas://me:se%3Acret@[fd00::1]:65535/a, b?sasl=SCRAM-SHA-256&start=newest"),
    {
      address: "kafkas://[fd00::1]:65535/a,b",
      hasTls: true,
      brokers: [{ host: "fd00::1", port: LAST_PORT }],
      topics: ["a", "b"],
      sasl: "scram-sha-256",
      username: "me",
      password: "se:cret",
      start: "newest",
    },
  );
  assert.equal(read("kafka://broker/a?start=newest&start=oldest&sasl=plain").start, "oldest");
  assert.equal(read(`kafka://broker/${"a".repeat(249)}`).topics.length, 1);
});
