import assert from "node:assert/strict";
import { flinkTablesOf } from "../../../src/sources/kafka/flink_tables.ts";
import { knownKafkaUrl } from "../../../src/sources/kafka/kafka_url.ts";

const TERMS = { job: "j", endsWhenRead: false, offsets: undefined, secret: (name: string) => `\${${name}}` };
const OPEN = { login: undefined, tls: undefined };

Deno.test("each topic of a URL is a table, which begins where the state, else the URL, says", () => {
  const url = knownKafkaUrl("kafka://b1,[fd00::1]:9/t,u?start=newest");
  const offsets = (topic: string) => new Map(topic === "t" ? [[0, 5], [2, 7]] : []);
  const [first, second] = flinkTablesOf(url, OPEN, { ...TERMS, offsets });
  assert.deepEqual([first!.topic, second!.topic, first!.notes], ["t", "u", []]);
  assert.deepEqual(first!.options, [
    ["connector", "kafka"],
    ["topic", "t"],
    ["properties.bootstrap.servers", "b1:9092,[fd00::1]:9"],
    ["properties.group.id", "vabus-data-handler_source.j"],
    ["properties.isolation.level", "read_committed"],
    ["properties.partition.discovery.interval.ms", "10000"],
    ["scan.startup.mode", "specific-offsets"],
    ["scan.startup.specific-offsets", "partition:0,offset:5;partition:2,offset:7"],
  ]);
  assert.deepEqual(second!.options.at(-1), ["scan.startup.mode", "latest-offset"]);
});

Deno.test("a job that ends reads what there is, and a key is to be put in by hand", () => {
  const url = knownKafkaUrl("kafkas://b/t");
  const tls = (key: string | undefined) => ({ ca: undefined, cert: undefined, key });
  const ending = { ...TERMS, endsWhenRead: true };
  const [table] = flinkTablesOf(url, { login: undefined, tls: tls("PEM") }, ending);
  const options = new Map(table!.options);
  assert.equal(options.get("properties.partition.discovery.interval.ms"), "0");
  assert.equal(options.get("scan.startup.mode"), "earliest-offset");
  assert.equal(options.get("scan.bounded.mode"), "latest-offset");
  assert.deepEqual(table!.notes, [
    "${VABUS_KEY} stands for the text of VABUS_KEY_FILE, which must be PKCS #8.",
  ]);
  assert.deepEqual(flinkTablesOf(url, { login: undefined, tls: tls(undefined) }, TERMS)[0]!.notes, []);
  assert.ok(!flinkTablesOf(url, OPEN, TERMS)[0]!.options.some(([name]) => name === "scan.bounded.mode"));
});
