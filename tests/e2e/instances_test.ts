/** Instances that share a topic: their number changes while events flow, and some are killed meanwhile. */
import assert from "node:assert/strict";
import { recentBaseMs } from "../support/event_stream.ts";
import { PATIENCE_MS, temporaryDirectory } from "../support/executable.ts";
import { testSeed } from "../support/seed.ts";
import { sharedKafka, sharedPostgres } from "../support/shared_servers.ts";
import { Instances } from "./instances.ts";
import { arrival } from "./plant.ts";
import { WINDOW_MS } from "./shared_topic.ts";

const VIEW = new URL("../../deploy/postgres/joined_aggregates.sql", import.meta.url);
const PARTITIONS = 5;
const EVENTS = 3000;
/** How many rows of a series and window the instances write. */
const FUNCTIONS = 7;

Deno.test("2, 4 and 3 instances under load, kill -9 in between: each event is in the rows of one instance", async () => {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory());
  const [broker, postgres] = await Promise.all([sharedKafka(), sharedPostgres()]);
  stack.defer(() => broker.remove());
  stack.defer(() => postgres.remove());
  const instances = stack.use(
    await Instances.create(broker, postgres, PARTITIONS, directory.path, testSeed(193)),
  );
  const { events } = instances;
  await instances.recount(2);
  await events.publish(EVENTS);
  await instances.takes(1, 1);
  await events.during(async () => {
    await instances.recount(4, [1]);
    await instances.takes(3, 3);
    await instances.kill(3);
    instances.start(3, 4);
    await instances.delivers(3);
    await instances.takes(2, 2);
    await instances.recount(3, [0, 2]);
    await instances.takes(0, 3);
    await instances.kill(0);
    instances.start(0, 3);
    await instances.ready(0);
  });
  await events.assertExact(instances.programs);
  await instances.stopAll();
  await events.assertJoined(await Deno.readTextFile(VIEW));
  const proof = await instances.assertProven(3);
  assert.match(proof, new RegExp(`^fleet +4 instances, 5 partitions, ${events.total} offsets$`, "m"));
  const twice = await instances.verify(3, [0, 1, 2, 3, 1].map((index) => instances.stateOf(index)));
  assert.match(twice.stdout, /are in the books of \S+-1$/m);
  assert.equal(twice.code, 1, twice.stdout + twice.stderr);
});

Deno.test("--take-over reads on for an instance that is gone with its state, and no proof hides the loss", async () => {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory());
  const [broker, postgres] = await Promise.all([sharedKafka(), sharedPostgres()]);
  stack.defer(() => broker.remove());
  stack.defer(() => postgres.remove());
  const instances = stack.use(
    await Instances.create(broker, postgres, 2, directory.path, testSeed(206)),
  );
  await instances.recount(2);
  await instances.events.publish(1000);
  await instances.events.assertExact(instances.programs);
  await instances.lose(1);
  await instances.recount(1);
  await instances.events.publish(1000);
  await instances.program(0).says(/the partition is waited for: \S+-1 has not given it away/);
  await instances.ready(0);
  await instances.tells(
    0,
    "partition_awaited",
    /^1 partition of \S+ is waited for: \S+\/1 \(\S+-1 has not .* --take-over\.$/,
  );
  await instances.stop(0);
  instances.start(0, 1, ["--take-over"]);
  await instances.takes(0, 1);
  await instances.tells(0, "partition_awaited", undefined);
  await instances.events.assertNoneMissing(instances.programs);
  await instances.stop(0);
  const { code, stdout, stderr } = await instances.verify(1, [instances.stateOf(0)]);
  assert.equal(code, 1, stdout + stderr);
  assert.match(stdout, /partition \S+\/1: \d+ offsets from 0 on are in the books of no instance/);
});

Deno.test("a topic that is made again while a partition of it is handed over is read from its oldest record", async () => {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory());
  const [broker, postgres] = await Promise.all([sharedKafka(), sharedPostgres()]);
  stack.defer(() => broker.remove());
  stack.defer(() => postgres.remove());
  const instances = stack.use(await Instances.create(broker, postgres, 2, directory.path, testSeed(219)));
  const { events } = instances;
  await instances.recount(1);
  await events.publish(1000);
  await events.assertExact(instances.programs);
  await instances.stop(0);
  instances.start(0, 2);
  await instances.givesAway(0, 1);
  await events.topic.makeAgain(2);
  // Fewer than there were, so that the offset where the partition was given lies behind its end.
  await events.publish(400);
  instances.start(1, 2);
  await events.assertExact(instances.programs);
  await instances.stopAll();
  await instances.assertProven(2);
});

Deno.test("a partition that was given away before its topic was made again is taken from who reads it now", async () => {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory());
  const [broker, postgres] = await Promise.all([sharedKafka(), sharedPostgres()]);
  stack.defer(() => broker.remove());
  stack.defer(() => postgres.remove());
  const instances = stack.use(await Instances.create(broker, postgres, 2, directory.path, testSeed(266)));
  const { events } = instances;
  await instances.recount(2);
  await events.publish(400);
  await events.assertExact(instances.programs);
  await instances.stopAll();
  instances.start(1, 1);
  await instances.givesAway(1, 1);
  await instances.stop(1);
  await events.topic.makeAgain(2);
  await events.publish(200);
  instances.start(0, 1);
  await events.assertExact(instances.programs);
  await instances.stop(0);
  // Now both have given it in the same epoch: one of the former topic, one of the present one.
  instances.start(0, 2);
  await instances.givesAway(0, 1);
  instances.start(1, 2);
  await events.publish(200);
  await events.assertExact(instances.programs);
  await instances.stopAll();
  await instances.assertProven(2);
});

Deno.test("an instance that runs and sees its partition taken over says so, and reads no more of it", async () => {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory());
  const [broker, postgres] = await Promise.all([sharedKafka(), sharedPostgres()]);
  stack.defer(() => broker.remove());
  stack.defer(() => postgres.remove());
  const instances = stack.use(await Instances.create(broker, postgres, 2, directory.path, testSeed(217)));
  const { events } = instances;
  await instances.recount(2);
  await events.publish(1000);
  await events.assertExact(instances.programs);
  await instances.stop(0);
  instances.start(0, 1, ["--take-over"]);
  await instances.takes(0, 1);
  await instances.program(1).says(
    /ERROR .*another instance reads this partition: \S+-0 has it from offset \d+ on/,
  );
  await instances.tells(
    1,
    "partition_taken",
    /^1 partition of \S+ is read by another instance: \S+\/1 \(\S+-0 has it from offset \d+ on\)\. Nothing/,
  );
  await instances.ready(1);
  await events.publish(1000);
  // What both have read by the time of the change, if anything, counts twice: it is delivered all the same.
  await events.assertNoneMissing(instances.programs);
  // With the number that it should have, the partition is none of its own.
  await instances.stop(1);
  instances.start(1, 1);
  await instances.ready(1);
  await instances.tells(1, "partition_taken", undefined);
});

Deno.test("a repeat counts once while one instance reads it, and once more on the other side of a hand-over", async () => {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory());
  const [broker, postgres] = await Promise.all([sharedKafka(), sharedPostgres()]);
  stack.defer(() => broker.remove());
  stack.defer(() => postgres.remove());
  const instances = stack.use(await Instances.create(broker, postgres, 2, directory.path, testSeed(218)));
  const { rows, topic } = instances.events;
  const [first, repeat, last] = ["a", "a", "b"].map((id) => ({
    partition: 1,
    value: JSON.stringify({ id, name: "oven", value: 1, timestamp: recentBaseMs(WINDOW_MS, 20) / 1000 }),
  }));
  const counted = (events: number) =>
    arrival(rows, events * FUNCTIONS, "rows", PATIENCE_MS, instances.programs);
  await instances.recount(1);
  await topic.send([first!, repeat!, last!]);
  await counted(2);
  await instances.recount(2);
  await instances.takes(1, 1);
  await topic.send([repeat!]);
  await counted(3);
});
