import assert from "node:assert/strict";
import { ConfigError } from "../../src/settings/fault.ts";
import { emptyShareInWords, isOwn } from "../../src/settings/share.ts";
import { busUrlsOf, loadConfig, sourcesOf } from "./sources.ts";

const BUSES = "http://a:8000,http://b:8000,http://c:8000";

function load(environment: Readonly<Record<string, string>>, hostName = "handler-1") {
  return loadConfig(sourcesOf({ hostName, environment }), () => []);
}

function faultsOf(environment: Readonly<Record<string, string>>, hostName?: string): string[] {
  try {
    load(environment, hostName);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.faults.map(({ subject, problem }) => `${subject} ${problem}`);
  }
  return [];
}

Deno.test("each URL belongs to one instance", () => {
  const read = [0, 1].flatMap((index) =>
    busUrlsOf(load({ VABUS_URL: BUSES, INSTANCE_COUNT: "2", INSTANCE_INDEX: "auto" }, `handler-${index}`))
  );
  assert.deepEqual(read, ["http://a:8000", "http://c:8000", "http://b:8000"]);
  for (let partition = 0; partition < 12; partition++) {
    const owners = [0, 1, 2].filter((index) => isOwn(partition, { index, count: 3 }));
    assert.deepEqual(owners, [partition % 3]);
  }
});

Deno.test("auto is the number at the end of the host name, and the group has the rest of the id", () => {
  const { share } = load({ VABUS_URL: BUSES, INSTANCE_COUNT: "3", INSTANCE_INDEX: "auto" }, "plant-2");
  assert.deepEqual(share, { index: 2, count: 3, group: "plant", handsOver: false });
  const named = load({
    VABUS_URL: "kafka://k:9092/t",
    INSTANCE_COUNT: "3",
    INSTANCE_INDEX: "0",
    INSTANCE_ID: "plant",
    INSTANCE_GROUP: "plant",
  });
  assert.deepEqual([named.share?.group, named.share?.index], ["plant", 0]);
});

Deno.test("a share that cannot be right is a fault that says what to do", () => {
  const two = { INSTANCE_COUNT: "2", INSTANCE_INDEX: "1" };
  const cases: [Record<string, string>, RegExp, string?][] = [
    [{ INSTANCE_COUNT: "2" }, /^INSTANCE_INDEX is missing, since INSTANCE_COUNT is set/],
    [{ INSTANCE_INDEX: "1" }, /^INSTANCE_INDEX is set without INSTANCE_COUNT/],
    [{ INSTANCE_COUNT: "2", INSTANCE_INDEX: "auto" }, /the host name does not end in a number/, "edge"],
    [{ ...two, INSTANCE_ID: "plant" }, /^INSTANCE_GROUP is missing, since INSTANCE_ID does not end in -1/],
    [{ ...two, INSTANCE_ID: "plant", INSTANCE_GROUP: "plant" }, /each instance needs an id of its own/],
    [two, /leaves instance 1 of 2 without a bus: VABUS_URL has only 1/],
    [{ INSTANCE_COUNT: "0", INSTANCE_INDEX: "1" }, /^INSTANCE_COUNT is less than 1/],
  ];
  assert.deepEqual(
    faultsOf({ INSTANCE_COUNT: "two", INSTANCE_INDEX: "0" }).length,
    1,
    "nothing follows from it",
  );
  for (const [environment, fault, hostName] of cases) {
    const faults = faultsOf(environment, hostName);
    assert.ok(faults.some((text) => fault.test(text)), `${JSON.stringify(environment)}: ${faults}`);
  }
});

Deno.test("a share that has nothing says whether the number of the instance is too great", () => {
  assert.equal(
    emptyShareInWords({ index: 1, count: 2 }, "partition"),
    "no partition is left for instance 1 of 2: this one reads nothing here",
  );
  assert.equal(
    emptyShareInWords({ index: 2, count: 2 }, "key"),
    "INSTANCE_INDEX is 2, and the last of 2 instances is 1: this one reads nothing here",
  );
});
