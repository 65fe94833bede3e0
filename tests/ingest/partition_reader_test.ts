/** What the reader of a partition asks its source for and when, and what others see of it meanwhile. */
import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import { type Progress, SourceError } from "../../src/contract/source.ts";
import { type IngestObserver, UNOBSERVED } from "../../src/ingest/ingest_options.ts";
import type { IngestTraces } from "../../src/ingest/ingest_traces.ts";
import { StateError } from "../../src/state/file/state_error.ts";
import { openRig, type Rig } from "./rig.ts";
import { IDLE, READ_MAX_MS, ScriptedPartition, ScriptedSource } from "./scripted_source.ts";

const NOW_MS = 1_767_225_600_000;
const NEVER = new AbortController().signal;
const FLAGS = { MAX_FUTURE_SKEW: "86400", CHECKPOINT_INTERVAL: "3600" };

/** An event after the beginning of the test, in seconds. */
const event = (second = 0) => ({ name: "a", value: 1, timestamp: NOW_MS / 1000 + second });

/** Lets all that is ready to go on do so. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

interface Scene {
  readonly rig: Rig;
  readonly source: ScriptedSource;
  /** The pauses so far. */
  readonly sleeps: number[];
  /** What each partition's reader says that it does; undefined: it has no step under way. */
  steps(): (string | undefined)[];
  /** Runs the reader until `isDone`, which is asked whenever it sleeps. */
  runUntil(isDone: () => boolean): Promise<void>;
}

async function withReader(
  partitions: readonly ScriptedPartition[],
  work: (scene: Scene) => Promise<void>,
  flags: Record<string, string> = {},
  observer: IngestObserver = UNOBSERVED,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "vabus-partition-reader-" });
  try {
    const source = new ScriptedSource(partitions);
    using rig = openRig(directory, [source], NOW_MS, { ...FLAGS, ...flags }, undefined, observer);
    const { clock, readers: [reader] } = rig;
    const sleeps: number[] = [];
    let isOver = () => {};
    clock.sleep = async (ms, signal?: AbortSignal) => {
      if (signal?.aborted) return;
      sleeps.push(ms);
      isOver();
      clock.ms += ms;
      await turn();
    };
    const runUntil = async (isDone: () => boolean) => {
      const stop = new AbortController();
      isOver = () => {
        if (isDone()) stop.abort();
      };
      await reader!.run(stop.signal);
      isOver = () => {};
    };
    const steps = () => reader!.pulses().slice(1).map((pulse) => pulse.overdue(-Infinity));
    await work({ rig, source, sleeps, steps, runUntil });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("an empty partition is asked ever less often, up to once a second, until it has something", async () => {
  const partition = new ScriptedPartition("");
  partition.answer = (read) => read === 9 ? [event()] : IDLE;
  await withReader([partition], async ({ sleeps, runUntil }) => {
    await runUntil(() => partition.requests.length >= 11);
    assert.deepEqual(sleeps, [20, 40, 80, 160, 320, 640, 1000, 1000, 20, 40]);
    assert.ok(partition.requests.every(({ waitMs }) => waitMs === 1000), "it may wait at the source");
  });
});

Deno.test("the time that a read has taken is a part of its pause, and a read that takes as long has none", async () => {
  const partition = new ScriptedPartition("");
  const tookMs = [0, 15, 79, 160, 0];
  await withReader([partition], async ({ rig, sleeps, runUntil }) => {
    partition.answer = (read) => {
      rig.clock.ms += tookMs[read - 1] ?? 0;
      return IDLE;
    };
    await runUntil(() => partition.requests.length >= 6);
    assert.deepEqual(sleeps, [20, 40 - 15, 80 - 79, 20, 40]);
  });
});

Deno.test("a partition that cannot be read is tried again after a pause that grows", async () => {
  const partition = new ScriptedPartition("");
  partition.answer = (read) => {
    if (read === 2) throw new SourceError("unavailable", "busy", 7000);
    if (read <= 3) throw new SourceError("unavailable", "away");
    return IDLE;
  };
  await withReader([partition], async ({ rig, sleeps, steps, runUntil }) => {
    const seen: unknown[] = [];
    await runUntil(() => {
      seen.push(steps()[0]);
      return partition.requests.length >= 5;
    });
    assert.deepEqual(sleeps.slice(0, 3), [100, 7000, 200]);
    assert.deepEqual(new Set(seen.slice(0, 3)), new Set(["the next try to reach the bus"]));
    assert.equal(rig.core.ingest.sources[0]!.failure, undefined);
    assert.equal(rig.log.filter((line) => line.includes("the bus answers again")).length, 1);
  });
});

Deno.test("a drain gives up a partition that fails four times in a row, and says why", async () => {
  const partition = new ScriptedPartition("");
  partition.answer = (read) => {
    if (read === 4) return [event()];
    throw new SourceError("unavailable", `away ${read}`);
  };
  await withReader([partition], async ({ rig, sleeps }) => {
    assert.deepEqual(await rig.readers[0]!.drain(NEVER), { drained: false, reason: "away 8" });
    assert.equal(partition.requests.length, 8);
    assert.equal(sleeps.length, 7);
    assert.ok(
      partition.requests.every(({ waitMs }) => waitMs === 0),
      "it does not wait for what comes later",
    );
  });
});

Deno.test("a reply that cannot be read is asked for again at once, and is no failure in a row", async () => {
  const partition = new ScriptedPartition("");
  partition.answer = (read) => {
    if (read <= 6) throw new SourceError("smaller", "too much");
    return IDLE;
  };
  await withReader([partition], async ({ rig, sleeps }) => {
    assert.deepEqual(await rig.readers[0]!.drain(NEVER), { drained: true });
    assert.deepEqual([partition.requests.length, sleeps], [7, []]);
  });
});

Deno.test("what is no failure of the bus ends the run, but not where it is stopped anyway", async () => {
  const defect = new TypeError("a defect");
  const partition = new ScriptedPartition("");
  partition.answer = () => {
    throw defect;
  };
  await withReader([partition], async ({ rig: { readers: [reader] } }) => {
    await assert.rejects(reader!.run(NEVER), defect);
    await assert.rejects(reader!.drain(NEVER), defect);
    const stop = new AbortController();
    partition.answer = () => {
      stop.abort();
      throw defect;
    };
    await reader!.run(stop.signal);
  });
});

Deno.test("a drain that is stopped has not come to the end, wherever it was", async () => {
  const partition = new ScriptedPartition("");
  await withReader([partition], async ({ rig: { core: { ingest }, readers: [reader] }, sleeps, steps }) => {
    const stopped = { drained: false, reason: "scripted://bus: stopped" };
    const stop = new AbortController();
    partition.answer = () => {
      stop.abort();
      return [event()];
    };
    assert.deepEqual(await reader!.drain(stop.signal), stopped);
    const mayFetch = ingest.mayFetch.bind(ingest);
    const another = new AbortController();
    ingest.mayFetch = (...how) => {
      another.abort();
      return mayFetch(...how);
    };
    assert.deepEqual(await reader!.drain(another.signal), stopped);
    assert.deepEqual([partition.requests.length, sleeps, steps()], [1, [], [undefined]]);
  });
});

Deno.test("what is read while windows close is taken in after that, and nobody waits for the reader meanwhile", async () => {
  const partition = new ScriptedPartition("");
  await withReader(
    [partition],
    async ({ rig: { core: { aggregator, ingest }, readers: [reader] }, steps }) => {
      const closed = Promise.withResolvers<void>();
      let closing: Promise<void> | undefined = closed.promise;
      Object.defineProperty(ingest, "closing", { get: () => closing });
      partition.answer = (read) => read === 1 ? [event()] : IDLE;
      const drained = reader!.drain(NEVER);
      for (let i = 0; i < 5; i++) await turn();
      assert.deepEqual([partition.requests.length, aggregator.books.received, steps()], [1, 0, [undefined]]);
      closing = undefined;
      closed.resolve();
      assert.deepEqual(await drained, { drained: true });
      assert.equal(aggregator.books.received, 1);
    },
  );
});

Deno.test("a source that gives other events at each read is given up, in each drain anew", async () => {
  const partition = new ScriptedPartition("");
  partition.answer = () => ({ kind: "returned" });
  await withReader([partition], async ({ rig }) => {
    for (let drains = 1; drains <= 2; drains++) {
      const result = await rig.readers[0]!.drain(NEVER);
      assert.match(
        JSON.stringify(result),
        /"drained":false.*it has other events at the offsets that were read/,
      );
      assert.equal(partition.requests.length, 11 * drains);
    }
    partition.answer = (read) => read < 32 ? { kind: "returned" } : IDLE;
    assert.deepEqual(await rig.readers[0]!.drain(NEVER), { drained: true });
    assert.equal(partition.requests.length, 32);
  });
});

Deno.test("the first read after a pause is told of it", async () => {
  const partition = new ScriptedPartition("");
  await withReader([partition], async ({ rig: { core: { ingest } }, sleeps, runUntil }) => {
    await runUntil(() => {
      if (partition.requests.length === 2) ingest.pause(0, sleeps.length < 5);
      return partition.requests.length >= 4;
    });
    assert.deepEqual(partition.requests.map(({ isAfterRest }) => isAfterRest), [false, false, true, false]);
    assert.deepEqual(sleeps.slice(1, 5), [40, 100, 100, 100]);
  });
});

Deno.test("the pauses between empty reads count as idle, but not what passes behind an obstacle", async () => {
  const partition = new ScriptedPartition("");
  await withReader([partition], async ({ rig: { clock, core: { ingest } }, runUntil }) => {
    const settle = ingest.settle.bind(ingest);
    const idleMs: number[] = [];
    const readMs: (number | undefined)[] = [];
    ingest.settle = (...given) => {
      idleMs.push(given[4]);
      readMs.push(given[5]);
      return settle(...given);
    };
    partition.answer = (read) => {
      clock.ms += 7;
      if (read === 3) throw new SourceError("unavailable", "away");
      return IDLE;
    };
    let pauses = 0;
    await runUntil(() => {
      if (partition.requests.length === 4) ingest.pause(0, pauses++ < 3);
      return partition.requests.length >= 7;
    });
    assert.deepEqual(readMs, Array(6).fill(7));
    assert.deepEqual(idleMs, [7, 20, 7, 7, 7, 20]);
  });
});

Deno.test("each step of a reader says what it is, and how long it takes at most", async () => {
  const partition = new ScriptedPartition("");
  await withReader([partition], async ({ rig: { clock, readers: [reader] }, sleeps, steps, runUntil }) => {
    const overdueAfter = (ms: number) => {
      clock.ms += ms;
      return reader!.pulses()[1]!.overdue(0);
    };
    partition.answer = (read) => {
      if (read === 1) {
        assert.equal(overdueAfter(READ_MAX_MS + 1000), undefined);
        assert.equal(overdueAfter(1), "the answer of the bus");
        return [event()];
      }
      if (read === 2) throw new SourceError("unavailable", "away");
      return IDLE;
    };
    const seen: (readonly [string | undefined, number])[] = [];
    await runUntil(() => {
      const pulse = reader!.pulses()[1]!;
      const ms = sleeps.at(-1)!;
      assert.equal(pulse.overdue(-ms), undefined, "the step takes as long as the pause");
      seen.push([pulse.overdue(-ms - 1), ms]);
      return partition.requests.length >= 4;
    });
    assert.deepEqual(seen, [
      ["the next try to reach the bus", 100],
      ["the next look at the bus", 20],
      ["the next look at the bus", 40],
    ]);
    assert.deepEqual(steps(), [undefined], "it has ended");
  });
});

/** Two partitions of which one waits for the other. */
function aheadAndBehind(): readonly [ScriptedPartition, ScriptedPartition] {
  const [ahead, behind] = ["ahead", "behind"].map((id) => new ScriptedPartition(id, "from-position", true));
  ahead!.answer = (read) => read <= 3 ? [event(1000 * read)] : IDLE;
  return [ahead!, behind!];
}

for (const how of ["drain", "run"] as const) {
  Deno.test(`${how}: a partition that is ahead leaves the others their turn until they are at their end`, async () => {
    const [ahead, behind] = aheadAndBehind();
    await withReader([ahead, behind], async ({ rig: { readers: [reader] }, steps }) => {
      const held = Promise.withResolvers<void>();
      let aheadBefore = 0;
      behind.answer = async (read) => {
        if (read > 1) aheadBefore ||= ahead.requests.length;
        if (read > 1) return IDLE;
        await held.promise;
        return [event(1)];
      };
      const stop = new AbortController();
      const done = reader![how](stop.signal);
      for (let i = 0; i < 5; i++) await turn();
      assert.deepEqual([ahead.requests.length, steps()], [1, [undefined, "the answer of the bus"]]);
      held.resolve();
      if (how === "run") {
        while (ahead.requests.length < 4) await turn();
        stop.abort();
      }
      await done;
      assert.equal(aheadBefore, 1, "it waited until the other one was at its end");
      assert.ok(ahead.requests.length >= 4);
      assert.deepEqual(ahead.requests.slice(0, 2).map(({ limit }) => limit), [16, 10_000]);
    }, { VABUS_BATCH_SIZE: "10000" });
  });

  Deno.test(`${how}: nobody waits for a partition that has gone away`, async () => {
    const [ahead, behind] = aheadAndBehind();
    await withReader([ahead, behind], async ({ rig: { readers: [reader] }, source }) => {
      behind.answer = async (read, signal) => {
        if (read === 1) return [event(1)];
        while (!signal.aborted) await turn();
        return IDLE;
      };
      const stop = new AbortController();
      const done = reader![how](stop.signal);
      for (let i = 0; i < 5; i++) await turn();
      assert.equal(ahead.requests.length, 1);
      source.context!.changed([ahead]);
      if (how === "run") {
        while (ahead.requests.length < 4) await turn();
        stop.abort();
      }
      await done;
      assert.ok(ahead.requests.length >= 4);
    });
  });
}

Deno.test("the traces of a read are those of its own records, where somebody asks for them", async () => {
  for (const isTraced of [true, false]) {
    const partition = new ScriptedPartition("");
    const seen: unknown[] = [];
    const batches = new Set<unknown>();
    partition.answer = (read, _signal, into) => {
      into.upstream?.note(`trace ${read}`);
      seen.push(into.upstream?.texts());
      batches.add(into.upstream);
      return read < 3 ? [event()] : IDLE;
    };
    const traces = {
      read: (...[, , , , takeIn]: Parameters<IngestTraces["read"]>) => takeIn(),
      close: (_windows: unknown, _endId: unknown, write: () => unknown) => write(),
    } as Partial<IngestTraces> as IngestTraces;
    await withReader(
      [partition],
      async ({ rig: { readers: [reader] } }) => {
        await reader!.drain(NEVER);
      },
      {},
      isTraced ? { ...UNOBSERVED, traces } : UNOBSERVED,
    );
    assert.deepEqual(seen, isTraced ? [["trace 1"], ["trace 2"], ["trace 3"]] : Array(3).fill(undefined));
    assert.equal(batches.size, 1, "no read makes another list");
  }
});

Deno.test("nobody waits for a partition that fails, nor for one whose reader has ended", async () => {
  const [ahead, failing] = [
    new ScriptedPartition("ahead", "from-position", true),
    new ScriptedPartition("failing", "from-position", true),
  ];
  ahead.answer = (read) => read <= 2 ? [event(1000 * read)] : IDLE;
  failing.answer = (read) => {
    if (read === 1) return [event()];
    throw new SourceError("unavailable", "away");
  };
  await withReader([ahead, failing], async ({ rig }) => {
    const result = await rig.readers[0]!.drain(NEVER);
    assert.deepEqual(result, { drained: false, reason: "away" });
    assert.equal(rig.core.aggregator.books.aggregated, 3);
  });
});

Deno.test("what a source forgets is on disk before the next read, however long that takes", async () => {
  const partition = new ScriptedPartition("", "none");
  partition.answer = (read) => read <= 2 ? [event()] : IDLE;
  await withReader([partition], async ({ rig: { clock, core, readers: [reader] }, sleeps, steps }) => {
    const { ingest, state } = core;
    const transaction = state.transaction.bind(state);
    const written: number[] = [];
    let failures = 2;
    state.transaction = (work) => {
      if (failures-- > 0) throw new StateError("unwritable", "the disk is full");
      written.push(partition.requests.length);
      return transaction(work);
    };
    const { sleep } = clock;
    const seen: unknown[] = [];
    clock.sleep = (ms) => {
      seen.push([ms, steps()[0], reader!.pulses()[1]!.overdue(-ms)]);
      return sleep(ms);
    };
    assert.deepEqual(await reader!.drain(NEVER), { drained: true });
    assert.deepEqual(written, [1, 2]);
    assert.equal(core.outbox.endId(), 0, "the window stays open");
    assert.deepEqual(seen, Array(2).fill([1000, "the state to be writable", undefined]));
    assert.equal(sleeps.length, 2);
    assert.equal(ingest.obstacle, undefined);
  });
});

Deno.test("a stop that waits for a full disk, since the bus has forgotten events, says so once", async () => {
  const partition = new ScriptedPartition("", "none");
  partition.answer = () => [event()];
  await withReader([partition], async ({ rig: { clock, core: { ingest }, log, readers: [reader] } }) => {
    let tries = 0;
    ingest.checkpointInTurns = () => Promise.resolve(++tries > 4);
    const stop = new AbortController();
    const told: number[] = [];
    clock.sleep = () => {
      told.push(log.filter((line) => line.includes("the stop waits")).length);
      if (tries === 2) stop.abort();
      return Promise.resolve();
    };
    assert.equal((await reader!.drain(stop.signal)).drained, false);
    assert.deepEqual(told, [0, 0, 1, 1]);
  });
});

Deno.test("a stop does not wait for a full disk on behalf of a bus that keeps what is not acknowledged", async () => {
  const partition = new ScriptedPartition("");
  partition.answer = () => ({ kind: "idle", awaitsCommit: true });
  await withReader([partition], async ({ rig: { clock, core: { ingest }, log, readers: [reader] } }) => {
    let tries = 0;
    ingest.checkpointInTurns = () => Promise.resolve(++tries > 9);
    const stop = new AbortController();
    clock.sleep = () => Promise.resolve(stop.abort());
    assert.equal((await reader!.drain(stop.signal)).drained, false);
    assert.equal(tries, 1);
    assert.ok(!log.some((line) => line.includes("the stop waits")), log.join("\n"));
  });
});

Deno.test("a bus that waits for an acknowledgement is not at its end, whatever it has at the moment", async () => {
  const partition = new ScriptedPartition("");
  partition.answer = (read) =>
    read === 1 ? { kind: "idle", awaitsCommit: true } : read === 2 ? [event()] : IDLE;
  await withReader([partition], async ({ rig }) => {
    assert.deepEqual(await rig.readers[0]!.drain(NEVER), { drained: true });
    assert.equal(partition.requests.length, 3);
    assert.equal(rig.core.aggregator.books.aggregated, 1);
  });
});

Deno.test("the farewell has two seconds, and there is none where the state may be another's by now", async () => {
  const partition = new ScriptedPartition("");
  await withReader([partition], async ({ rig: { clock, core: { ingest }, readers: [reader] } }) => {
    assert.deepEqual(await reader!.drain(NEVER), { drained: true });
    const farewells: (readonly [isAborted: boolean, behind: string | undefined, from: Progress])[] = [];
    const timers: (readonly [ms: number, isNeeded: () => boolean])[] = [];
    let timeOut = () => {};
    clock.sleep = (ms, signal?: AbortSignal) => {
      timers.push([ms, () => !signal!.aborted]);
      return new Promise((resolve) => timeOut = resolve);
    };
    let obstacle: string | undefined;
    partition.farewell = async (from, signal) => {
      if (farewells.length === 1) timeOut();
      await turn();
      farewells.push([signal.aborted, obstacle, from]);
    };
    Object.defineProperty(ingest["gate"], "obstacle", {
      get: () => obstacle && { name: obstacle, detail: "" },
    });
    for (obstacle of ["state_gone", "state_disputed", "outbox_full", undefined]) await reader!.farewell();
    const { progress } = ingest.partitions[0]!;
    assert.deepEqual(farewells, [[false, "outbox_full", progress], [true, undefined, progress]]);
    assert.deepEqual(timers.map(([ms, isNeeded]) => [ms, isNeeded()]), [[2000, false], [2000, false]]);
  });
});
