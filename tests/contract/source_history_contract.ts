import assert from "node:assert/strict";
import type { Step, TestBus } from "./source_contract.ts";
import { events, Reading } from "./source_reading.ts";

/**
 * The contract of a source whose bus forgets events, begins a new history, or loses the end of its history.
 *
 * @param able A bus that has the methods for what it can do.
 */
export async function testOtherHistories(step: Step, able: TestBus): Promise<void> {
  if (able.forgetBefore) {
    await step(
      "counts what the bus has forgotten before it was read, and goes on behind it",
      async (bus, reading) => {
        await bus.publish(4);
        await reading.read({ limit: 1 });
        await bus.forgetBefore!(9);
        let next = 1;
        const all = await reading.readAll();
        for (const item of all) {
          if (typeof item === "number") next += item;
          else assert.equal(item, `e${next++}`);
        }
        // The reply to a request that was sent ahead may have brought some of the events, so their number is
        // open.
        assert.ok(all.some((item) => typeof item === "number"), `nothing is lost: ${all}`);
      },
    );

    await step("has lost nothing where all that was forgotten had been read", async (bus, reading) => {
      await bus.publish(10);
      assert.deepEqual(await reading.readAll(), events(0, 10));
      await bus.forgetBefore!(10);
      assert.equal((await reading.readAll()).find((item) => typeof item === "number"), undefined);
    });
  }
  if (able.restart) {
    for (const [count, what] of [[1, "shorter"], [9, "longer"]] as const) {
      await step(
        `says that a bus has begun a new history, ${what} than the one before`,
        async (bus, reading) => {
          await bus.publish(5);
          assert.deepEqual(await reading.readAll(), events(0, 5));
          const { lineage } = reading.progress;
          assert.notEqual(lineage, undefined);
          await bus.restart!();
          await bus.publish(count);
          assert.deepEqual(await reading.readAll(), events(5, 5 + count));
          assert.notEqual(reading.progress.lineage, lineage);
        },
      );
    }
  }
  if (able.rollBackTo) {
    await step(
      "goes back where a bus has other events than were read, and says so",
      async (bus, reading) => {
        await bus.publish(10);
        assert.deepEqual(await reading.readAll(), events(0, 10));
        await bus.rollBackTo!(6);
        await bus.publish(7);
        const { kind } = await reading.look({ isAfterRest: true });
        assert.equal(kind, "returned");
        reading.partition = (await Reading.open(reading.source, reading.progress)).partition;
        assert.deepEqual(await reading.readAll(), events(10, 17));
      },
    );
  }
}
