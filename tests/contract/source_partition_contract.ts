import assert from "node:assert/strict";
import { SourceError } from "../../src/contract/source.ts";
import type { Step } from "./source_contract.ts";
import { events, namesOf } from "./source_reading.ts";

/** The contract of a source whose partitions come and go. */
export async function testPartitions(step: Step): Promise<void> {
  await step(
    "says which partitions there are whenever they change; those that stay are the same",
    async (bus, reading) => {
      const { partition, partition: { id } } = reading;
      const idsOf = () => reading.partitions.map(({ id }) => id);
      await bus.change!(id, "second", "third");
      assert.deepEqual(idsOf(), [id, "second", "third"]);
      assert.equal(reading.partitions[0], partition);
      await bus.change!(id, "third");
      assert.deepEqual(idsOf(), [id, "third"]);
      await bus.change!();
      assert.deepEqual(idsOf(), []);
      await bus.change!(id);
      assert.deepEqual(idsOf(), [id]);
    },
  );

  await step("reads each partition by itself, a new one from its oldest event on", async (bus, reading) => {
    const { id } = reading.partition;
    await bus.publish(3);
    assert.deepEqual(await reading.readAll(), events(0, 3));
    await bus.change!(id, "second");
    await bus.publishIn!("second", 6);
    await bus.publish(1);
    const second = reading.other("second");
    const [{ kind }] = await Promise.all([second.read(), reading.read()]);
    assert.equal(kind, "events");
    assert.deepEqual([...namesOf(second.batch), ...await second.readAll()], events(3, 9));
    assert.deepEqual(namesOf(reading.batch), ["e9"]);
  });

  await step(
    "is told of a partition that has gone away as of others, and gives what is left of one that comes back",
    async (bus, reading) => {
      const { id } = reading.partition;
      await bus.change!(id, "second");
      await bus.publishIn!("second", 2);
      const second = reading.other("second");
      assert.deepEqual(await second.readAll(), events(0, 2));
      const waiting = new AbortController();
      const last = second.look({ waitMs: 300_000 }, waiting.signal).then(
        ({ kind }) => assert.equal(kind, "idle"),
        (error) => assert.ok(error instanceof SourceError, `${error}`),
      );
      await bus.change!(id);
      waiting.abort();
      await last;
      await second.partition.committed(second.progress);
      await bus.change!(id, "second");
      second.partition = reading.other("second").partition;
      assert.deepEqual((await second.readAll()).filter((name) => typeof name === "string"), []);
    },
  );
}
