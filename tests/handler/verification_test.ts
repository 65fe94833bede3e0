import assert from "node:assert/strict";
import { verify } from "../../src/handler/verification.ts";
import { MemorySource, openRig } from "../ingest/rig.ts";
import { FakeSink } from "../sinks/fake_sink.ts";

const NOW_MS = 1_000_000_000;
const NEVER = new AbortController().signal;

/** A sink that gets its rows between two looks at it. */
class MovingSink extends FakeSink {
  deliver: () => Promise<void> = () => Promise.resolve();

  override async sumOfCounts(instance: string, sinceMs: number): Promise<number> {
    await this.deliver();
    return await super.sumOfCounts(instance, sinceMs);
  }
}

Deno.test("what is delivered while the books are proven is no difference; what stays different is one", async () => {
  const directory = await Deno.makeTempDir({ prefix: "vabus-verification-" });
  try {
    const bus = new MemorySource();
    using rig = openRig(directory, [bus], NOW_MS);
    bus.publish({ name: "a", value: 1, timestamp: 999_900 }, { name: "a", value: 1, timestamp: 999_950 });
    await rig.readers[0]!.drain(NEVER);
    const { ingest, outbox, state } = rig.core;
    ingest.checkpointNow();
    const sink = new MovingSink({ instance: "rig" });
    await sink.open({ stateId: outbox.stateId, cursor: 0, endId: outbox.endId() }, NEVER);
    const batch = outbox.read("sqlite", 0, 100)!;
    sink.deliver = async () => {
      await sink.write(batch, NEVER);
    };
    const proof = await verify(state, [sink], -Infinity, NEVER);
    assert.ok(proof.proven, JSON.stringify(proof));

    sink.table.get("rig")!.clear();
    sink.deliver = () => Promise.resolve();
    outbox.advance("sqlite", batch.nextId);
    ingest.checkpointNow();
    assert.equal((await verify(state, [sink], -Infinity, NEVER)).proven, false);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
