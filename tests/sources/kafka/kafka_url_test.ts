import assert from "node:assert/strict";
import { readKafkaUrl } from "../../../src/sources/kafka/kafka_url.ts";

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
      ["broker/a", /not of the form/],
    ] as const
  ) {
    const read = readKafkaUrl(url);
    assert.ok("problem" in read, url);
    assert.match(read.problem, problem, url);
  }
});
