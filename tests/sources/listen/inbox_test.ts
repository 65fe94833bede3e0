import assert from "node:assert/strict";
import { splitArray } from "../../../src/bus/raw_events.ts";
import type { RecordRun } from "../../../src/sources/listen/decoder.ts";
import { Inbox } from "../../../src/sources/listen/inbox.ts";
import { InboxFullError } from "../../../src/sources/listen/inbox_full_error.ts";

async function withInbox(
  work: (inbox: Inbox, reopen: (meanwhile?: (path: string) => void) => Inbox) => Promise<void>,
  maxBytes = 1e6,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "vabus-inbox-" });
  const path = `${directory}/inbox.sqlite`;
  const open = () => Inbox.open(path, maxBytes);
  let inbox = open();
  const reopen = (meanwhile = (_: string) => {}) => {
    inbox.close();
    meanwhile(path);
    return inbox = open();
  };
  try {
    await work(inbox, reopen);
  } finally {
    inbox.close();
    await Deno.remove(directory, { recursive: true });
  }
}

/** A run of so many records. */
function runOf(count: number, format: RecordRun["format"] = "event", padding = 0): RecordRun {
  const record = JSON.stringify({ name: "a".repeat(padding + 1) });
  const records = splitArray(new TextEncoder().encode(`[${Array(count).fill(record)}]`));
  return { format, topic: undefined, records };
}

/** The records that a read gives: of each part the offset of its run, and from where to where it goes. */
function partsOf(inbox: Inbox, offset: number, limit: number): number[][] {
  return inbox.read(offset, limit).map(({ run, from, to }) => [run.first, from, to]);
}

Deno.test("a request that never comes to its end holds the answers to others back for a moment only", () =>
  withInbox(async (inbox) => {
    const hasCome = inbox.expect();
    await inbox.append([runOf(2)], 0);
    assert.equal(inbox.next, 2);
    hasCome();
    hasCome();
    await inbox.append([runOf(2)], 0);
    assert.equal(inbox.next, 4);
  }));

Deno.test("a read goes over several runs, from within one, up to its limit and as far as the format is one", () =>
  withInbox(async (inbox, reopen) => {
    await inbox.append([runOf(2), runOf(3)], 0);
    await inbox.append([runOf(2), runOf(1, "influx"), runOf(1)], 0);
    for (const open of [() => inbox, reopen]) {
      const opened = open();
      assert.deepEqual(partsOf(opened, 0, 100), [[0, 0, 2], [2, 0, 3], [5, 0, 2]]);
      assert.deepEqual(partsOf(opened, 1, 4), [[0, 1, 2], [2, 0, 3]]);
      assert.deepEqual(partsOf(opened, 1, 5), [[0, 1, 2], [2, 0, 3], [5, 0, 1]]);
      assert.deepEqual(partsOf(opened, 4, 1), [[2, 2, 3]]);
      assert.deepEqual(partsOf(opened, 7, 100), [[7, 0, 1]]);
      assert.deepEqual(partsOf(opened, 8, 100), [[8, 0, 1]]);
    }
  }));

Deno.test("a read takes some megabytes at most", () =>
  withInbox(async (inbox) => {
    for (let i = 0; i < 6; i++) await inbox.append([runOf(1, "event", 1_000_000)], 0);
    assert.equal(inbox.read(0, 100).length, 5);
    assert.equal(inbox.read(4, 100).length, 2);
  }, 1e8));

Deno.test("what was read makes room: whole runs, with the next commit", () =>
  withInbox(async (inbox, reopen) => {
    const full = (isForGood: boolean) => (error: unknown) =>
      error instanceof InboxFullError && error.isForGood === isForGood;
    await assert.rejects(inbox.append([runOf(1, "event", 5000)], 0), full(true));
    await inbox.append([runOf(2, "event", 1000)], 0);
    assert.equal(inbox.isFull, false);
    // Two that wait for the same commit count both.
    const fits = inbox.append([runOf(1, "event", 1000)], 0);
    await assert.rejects(inbox.append([runOf(2, "event", 1000)], 0), full(false));
    await fits;
    assert.deepEqual([inbox.first, inbox.next], [0, 3]);
    // A part of the first run is needed still.
    inbox.release(1);
    await assert.rejects(inbox.append([runOf(2, "event", 1000)], 0), full(false));
    inbox.release(2);
    await inbox.append([], 0);
    await inbox.append([runOf(2, "event", 1000)], 0);
    assert.deepEqual([inbox.first, inbox.next], [2, 5]);
    const opened = reopen();
    assert.deepEqual([opened.first, opened.next], [2, 5]);
    await assert.rejects(opened.append([runOf(2, "event", 1000)], 0), full(false));
    assert.deepEqual(partsOf(opened, 2, 100), [[2, 0, 1], [3, 0, 2]]);
  }, 4000));

Deno.test("a damaged inbox is an error to who reads it, and not one without records", async () => {
  const directory = await Deno.makeTempDir({ prefix: "vabus-inbox-" });
  const path = `${directory}/inbox.sqlite`;
  let inbox = Inbox.open(path, 1e6);
  try {
    await inbox.append([runOf(1)], 0);
    await inbox.append([runOf(1, "event", 200_000)], 0);
    inbox.close();
    const content = await Deno.readFile(path);
    // The pages that a long record goes on in.
    await Deno.writeFile(path, content.fill(0, content.length - 20 * 4096));
    inbox = Inbox.open(path, 1e6);
    assert.deepEqual(partsOf(inbox, 0, 1), [[0, 0, 1]], "what is before it can be read");
    for (const offset of [0, 1]) assert.throws(() => inbox.read(offset, 9), /malformed/);
  } finally {
    inbox.close();
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("records that were kept and are gone leave a hole, which no record comes into and no read crosses", () =>
  withInbox(async (inbox, reopen) => {
    const present = (opened: Inbox) => [0, 1, 2, 4, 5, 6, 7].map((offset) => opened.presentFrom(offset));
    await inbox.append([runOf(2)], 0);
    const whole = reopen((path) => Deno.copyFileSync(path, `${path}-copy`));
    await whole.append([runOf(3)], 0);
    assert.equal(whole.gone, 0);
    const cut = reopen((path) => Deno.renameSync(`${path}-copy`, path));
    assert.deepEqual([cut.next, cut.gone, cut.reached], [5, 3, 5]);
    assert.equal(await cut.append([runOf(1)], 0), 6);
    for (const open of [() => cut, reopen]) {
      const opened = open();
      assert.deepEqual(present(opened), [0, 1, 5, 5, 5, 6, 7]);
      assert.deepEqual(partsOf(opened, 0, 100), [[0, 0, 2]]);
      assert.deepEqual(partsOf(opened, 5, 100), [[5, 0, 1]]);
    }
    assert.equal(reopen().gone, 0, "it is told once");
  }));

Deno.test("an inbox knows how far the one had come whose file was there before, until it has records itself", () =>
  withInbox(async (inbox, reopen) => {
    const { id } = inbox;
    await inbox.append([runOf(5)], 0);
    const next = reopen((path) => Deno.removeSync(path));
    assert.deepEqual([next.next, next.gone], [0, 0]);
    assert.deepEqual(["2", undefined, "9"].map((position) => next.goneWith(id, position)), [3, 5, 0]);
    assert.equal(next.goneWith("another", "2"), 0);
    await next.append([runOf(1)], 0);
    assert.equal(reopen().goneWith(id, "2"), 0);
  }));

Deno.test("what beside an inbox is not its mark promises nothing", () =>
  withInbox(async (inbox, reopen) => {
    await inbox.append([runOf(2)], 0);
    const { id } = inbox;
    const changed = reopen((path) => {
      const text = Deno.readTextFileSync(`${path}.end`);
      Deno.writeTextFileSync(`${path}.end`, text.replace(" 2 ", " 9 "));
    });
    assert.deepEqual([changed.id, changed.next, changed.gone], [id, 2, 0]);
  }));
