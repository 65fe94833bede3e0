/** How a source is opened, and what others see of it meanwhile. */
import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import { type Source, SourceError } from "../../src/contract/source.ts";
import { StateError } from "../../src/state/file/state_error.ts";
import { PartedBus } from "../contract/toy/parted_bus.ts";
import { openRig, type Rig } from "./rig.ts";

const NOW_MS = 1_767_225_600_000;
const NEVER = new AbortController().signal;
const EVENT = { name: "a", value: 1, timestamp: NOW_MS / 1000 };

async function withRig(source: Source, work: (rig: Rig) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "vabus-source-reader-" });
  try {
    using rig = openRig(directory, [source], NOW_MS);
    await work(rig);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** The bus's source with an `open` of its own. */
function sourceOf(
  bus: PartedBus,
  open: (opened: Source["open"]) => Source["open"],
  isListening = true,
): Source {
  const source = bus.createSource();
  return Object.assign(source, { open: open(source.open.bind(source)), isListening });
}

/** Whether a promise is settled once all that is ready to go on has done so. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.finally(() => settled = true);
  await new Promise<void>((resolve) => setImmediate(resolve));
  return settled;
}

Deno.test("a source that listens is waited for until others can connect to it, another one is not", async () => {
  for (const isListening of [true, false]) {
    const bus = new PartedBus("parted://bus", "0");
    const held = Promise.withResolvers<void>();
    const source = sourceOf(bus, (open) => async (...given) => {
      await held.promise;
      return await open(...given);
    }, isListening);
    await withRig(source, async ({ core, readers: [reader] }) => {
      const state = core.ingest.sources[0]!;
      const drained = reader!.drain(NEVER);
      assert.equal(await isSettled(reader!.listens), !isListening);
      assert.equal(state.isOpen, false);
      held.resolve();
      await reader!.listens;
      assert.deepEqual(await drained, { drained: true });
      assert.equal(state.isOpen, true);
    });
  }
});

Deno.test("a source that listens is not waited for once it has failed to, or where the handler has been stopped", async () => {
  const bus = new PartedBus("parted://bus", "0");
  const taken = () => () => Promise.reject(new SourceError("unavailable", "the address is in use"));
  await withRig(sourceOf(bus, taken), async ({ core, readers: [reader] }) => {
    const drained = reader!.drain(NEVER);
    await reader!.listens;
    assert.equal((await drained).drained, false);
    assert.equal(core.ingest.sources[0]!.isOpen, false);
  });
  const defect = () => () => Promise.reject(new TypeError("a defect"));
  await withRig(sourceOf(bus, defect), async ({ readers: [reader] }) => {
    await assert.rejects(reader!.drain(NEVER), TypeError);
    await reader!.listens;
  });
  await withRig(bus.createSource(), async ({ readers: [reader] }) => {
    await reader!.run(AbortSignal.abort());
    await reader!.listens;
  });
});

Deno.test("a source is read although the state could not be read in the moment in which it was opened", async () => {
  const bus = new PartedBus("parted://bus", "0", "1");
  bus.publish("0", EVENT);
  bus.publish("1", EVENT);
  await withRig(bus.createSource(), async ({ core, log, readers: [reader] }) => {
    const { ingest } = core;
    const attach = ingest.attach.bind(ingest);
    let attempts = 0;
    ingest.attach = (...given) => {
      if (++attempts <= 3) throw new StateError("unwritable", "disk I/O error");
      return attach(...given);
    };
    assert.deepEqual(await reader!.drain(NEVER), { drained: true });
    const state = ingest.sources[0]!;
    assert.equal(state.failure, undefined, "it is not out of reach any more");
    assert.equal(state.partitions.size, 2);
    assert.equal(core.aggregator.books.aggregated, 2);
    assert.match(log.join("\n"), /cannot be read: disk I\/O error/);
  });
});

Deno.test("a source that is opened is watched until its partitions are read", async () => {
  const bus = new PartedBus("parted://bus", "0");
  await withRig(bus.createSource(), async ({ core, readers: [reader] }) => {
    const { ingest } = core;
    const steps = () => reader!.pulses().map((pulse) => pulse.overdue(-Infinity));
    const attach = ingest.attach.bind(ingest);
    const seen: unknown[] = [];
    ingest.attach = (...given) => {
      seen.push(steps());
      if (seen.length === 1) throw new StateError("unwritable", "disk I/O error");
      return attach(...given);
    };
    assert.deepEqual(await reader!.drain(NEVER), { drained: true });
    assert.deepEqual(seen, [["the source to be opened"], ["the source to be opened"]]);
    assert.ok(!steps().includes("the source to be opened"), "it is open");
  });
});
