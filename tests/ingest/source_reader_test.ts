/** How a source is opened, what others see of it meanwhile, and how its partitions are read together. */
import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import { type Source, SourceError } from "../../src/contract/source.ts";
import { StateError } from "../../src/state/file/state_error.ts";
import { PartedBus } from "../contract/toy/parted_bus.ts";
import { openRig, type Rig } from "./rig.ts";
import { IDLE, ScriptedPartition, ScriptedSource } from "./scripted_source.ts";

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

/** Sleepers let everybody else go on. Returns the pauses. */
function recordSleeps({ clock }: Rig): number[] {
  const sleeps: number[] = [];
  clock.sleep = async (ms, signal?: AbortSignal) => {
    if (signal?.aborted) return;
    sleeps.push(ms);
    clock.ms += ms;
    await new Promise<void>((resolve) => setImmediate(resolve));
  };
  return sleeps;
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

Deno.test("a source that cannot be opened is tried ever later, by a drain four times", async () => {
  const bus = new PartedBus("parted://bus", "0");
  let opens = 0;
  let failures = 3;
  const source = sourceOf(
    bus,
    (open) => (...given) =>
      ++opens > failures ? open(...given) : Promise.reject(new SourceError("unavailable", `away ${opens}`)),
  );
  await withRig(source, async (rig) => {
    const { core: { ingest }, log, readers: [reader] } = rig;
    const sleeps = recordSleeps(rig);
    const { sleep } = rig.clock;
    const steps: unknown[] = [];
    rig.clock.sleep = (ms) => {
      const [opening] = reader!.pulses();
      steps.push(opening!.overdue(-ms), opening!.overdue(-ms - 1));
      return sleep(ms);
    };
    assert.deepEqual(await reader!.drain(NEVER), { drained: true });
    assert.deepEqual([opens, sleeps.slice(0, 3)], [4, [100, 100, 200]]);
    assert.deepEqual(steps.slice(0, 6), Array(3).fill([undefined, "the next try to open the source"]).flat());
    assert.equal(log.filter((line) => line.includes("the bus answers again")).length, 1);
    assert.equal(ingest.sources[0]!.isOpen, true);
  });
  opens = 0;
  failures = Infinity;
  await withRig(source, async (rig) => {
    recordSleeps(rig);
    assert.deepEqual(await rig.readers[0]!.drain(NEVER), { drained: false, reason: "away 4" });
    assert.equal(opens, 4);
  });
});

Deno.test("a source may read ahead while nothing stands in the way of reading it", async () => {
  const source = new ScriptedSource([new ScriptedPartition("")]);
  await withRig(source, async ({ core: { ingest }, readers: [reader] }) => {
    await reader!.drain(NEVER);
    let obstacle: unknown;
    Object.defineProperty(ingest, "obstacle", { get: () => obstacle });
    const cases: [isPaused: boolean, isObstructed: boolean, may: boolean][] = [
      [false, false, true],
      [true, false, false],
      [false, true, false],
      [true, true, false],
    ];
    for (const [isPaused, isObstructed, may] of cases) {
      ingest.pause(0, isPaused);
      obstacle = isObstructed ? { name: "outbox_full", detail: "" } : undefined;
      assert.equal(source.context!.mayReadAhead(), may, `${isPaused} ${isObstructed}`);
    }
  });
});

Deno.test("what a source tells while it is opened is newer than what it was opened with", async () => {
  const [early, late] = [new ScriptedPartition("early"), new ScriptedPartition("late")];
  const source = new ScriptedSource([early]);
  const open = source.open.bind(source);
  source.open = (context, signal) => {
    context.changed([late]);
    return open(context, signal);
  };
  await withRig(source, async ({ readers: [reader] }) => {
    assert.deepEqual(await reader!.drain(NEVER), { drained: true });
    assert.deepEqual([early.requests.length, late.requests.length], [0, 1]);
  });
});

Deno.test("options that are changed hold from the next read on", async () => {
  const partition = new ScriptedPartition("");
  await withRig(new ScriptedSource([partition]), async (rig) => {
    recordSleeps(rig);
    const stop = new AbortController();
    partition.answer = (read) => {
      if (read === 2) rig.readers[0]!.change({ batchSize: 7, waitMs: 50 });
      if (read === 3) stop.abort();
      return IDLE;
    };
    await rig.readers[0]!.run(stop.signal);
    assert.deepEqual(partition.requests.map(({ limit, waitMs }) => [limit === 7, waitMs]), [
      [false, 1000],
      [false, 1000],
      [true, 50],
    ]);
  });
});

Deno.test("each partition is said farewell", async () => {
  const partitions = ["0", "1", "2"].map((id) => new ScriptedPartition(id));
  await withRig(new ScriptedSource(partitions), async ({ readers: [reader] }) => {
    await reader!.drain(NEVER);
    const told: string[] = [];
    for (const partition of partitions) {
      partition.farewell = async () => {
        await turn();
        told.push(partition.id);
      };
    }
    await reader!.farewell();
    assert.deepEqual(told, ["0", "1", "2"]);
  });
});

Deno.test("a defect in the reading of one partition ends the whole run", async () => {
  const defect = new TypeError("a defect");
  const [sound, broken] = [new ScriptedPartition("sound"), new ScriptedPartition("broken")];
  broken.answer = (read) => {
    if (read === 2) throw defect;
    return IDLE;
  };
  await withRig(new ScriptedSource([sound, broken]), async (rig) => {
    recordSleeps(rig);
    const stop = new AbortController();
    await assert.rejects(rig.readers[0]!.run(stop.signal), defect);
    stop.abort();
  });
});

Deno.test("a partition that comes is read once the state can be read, and damage is not passed over", async () => {
  const [first, second] = [new ScriptedPartition("first"), new ScriptedPartition("second")];
  for (const kind of ["unwritable", "damaged"] as const) {
    const source = new ScriptedSource([first]);
    await withRig(source, async (rig) => {
      const { core: { ingest }, log, readers: [reader] } = rig;
      const sleeps = recordSleeps(rig);
      const stop = new AbortController();
      const attach = ingest.attach.bind(ingest);
      first.answer = (read) => {
        if (read > 1) return IDLE;
        ingest.attach = () => {
          ingest.attach = attach;
          throw new StateError(kind, "a page cannot be read");
        };
        source.context!.changed([first, second]);
        return IDLE;
      };
      second.answer = () => {
        stop.abort();
        return IDLE;
      };
      first.requests.length = 0;
      const running = reader!.run(stop.signal);
      if (kind === "damaged") await assert.rejects(running, /a page cannot be read/);
      else {
        await running;
        assert.equal(second.requests.length, 1);
        assert.equal(sleeps.filter((ms) => ms === 1000).length, 1);
        assert.match(log.join("\n"), /WARN .*a partition cannot be read yet: a page cannot be read/);
      }
      stop.abort();
    });
  }
});

Deno.test("a partition that has gone and comes back is read on, also where its reader had not ended yet", async () => {
  for (const isSlow of [false, true]) {
    const [first, second] = [new ScriptedPartition("first"), new ScriptedPartition("second")];
    const source = new ScriptedSource([first, second]);
    await withRig(source, async ({ readers: [reader] }) => {
      const stop = new AbortController();
      const { promise: ended, resolve: end } = Promise.withResolvers<void>();
      let readsBefore = Infinity;
      first.answer = (read) => {
        if (read === 5) source.context!.changed([first]);
        if (read === 50) {
          readsBefore = second.requests.length;
          source.context!.changed([first, second]);
        }
        if (read === 60) end();
        if (read === 500) stop.abort();
        return IDLE;
      };
      second.answer = async () => {
        if (isSlow) await ended;
        if (second.requests.length > readsBefore) stop.abort();
        return IDLE;
      };
      await reader!.run(stop.signal);
      assert.ok(second.requests.length > readsBefore, `slow: ${isSlow}`);
    });
  }
});

Deno.test("a drain that is stopped as soon as the source is open has read nothing to its end", async () => {
  const partition = new ScriptedPartition("");
  const source = new ScriptedSource([partition]);
  const stop = new AbortController();
  const open = source.open.bind(source);
  source.open = (...given) => {
    stop.abort();
    return open(...given);
  };
  await withRig(source, async ({ readers: [reader] }) => {
    const stopped = { drained: false, reason: "scripted://bus: stopped" };
    assert.deepEqual(await reader!.drain(stop.signal), stopped);
    assert.equal(partition.requests.length, 0);
    assert.deepEqual(await reader!.drain(stop.signal), stopped);
  });
});

Deno.test("partitions that take turns end their pauses when the handler is stopped, and never wait at their source", async () => {
  const partitions = Array.from({ length: 65 }, (_, i) => new ScriptedPartition(`${i}`));
  await withRig(new ScriptedSource(partitions), async ({ clock, readers: [reader] }) => {
    clock.sleep = () => new Promise<void>(() => {});
    const stop = new AbortController();
    const running = reader!.run(stop.signal);
    for (let i = 0; i < 10; i++) await turn();
    stop.abort();
    await running;
    assert.deepEqual(
      new Set(partitions.flatMap(({ requests }) => requests.map(({ waitMs }) => waitMs))),
      new Set([0]),
    );
    assert.ok(partitions.every(({ requests }) => requests.length === 1));
  });
});

Deno.test("what two sources read is told, and both are read; what cannot be told is no failure", async () => {
  const sourceWith = (name: string, contents: NonNullable<Source["contents"]>): Source =>
    Object.assign(new PartedBus(name, "0").createSource(), { contents });
  const tells = (...contents: string[]) => () =>
    Promise.resolve(new Map(contents.map((content) => [content, `file ${content}`])));
  const sources = [
    sourceWith("parted://a", tells("x", "y")),
    sourceWith("parted://b", tells("z")),
    sourceWith("parted://c", () => Promise.reject(new SourceError("unavailable", "away"))),
    sourceWith("parted://d", tells("y")),
  ];
  const directory = await Deno.makeTempDir({ prefix: "vabus-source-reader-" });
  try {
    using rig = openRig(directory, sources, NOW_MS);
    for (const reader of rig.readers) assert.deepEqual(await reader.drain(NEVER), { drained: true });
    const errors = rig.log.filter((line) => line.includes("twice"));
    assert.equal(errors.length, 1);
    assert.match(errors[0]!, /file y is read by parted:\/\/a too, and counts twice: name it in one URL only/);
    assert.match(errors[0]!, /bus="?parted:\/\/d/);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
