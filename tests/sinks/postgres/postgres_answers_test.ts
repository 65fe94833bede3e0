/** What the sink makes of the answers of a server, without one. */
import assert from "node:assert/strict";
import type { Aggregate } from "../../../src/aggregation/aggregate.ts";
import {
  type Claim,
  type Contradiction,
  type SinkAlarm,
  type SinkContext,
  SinkError,
} from "../../../src/contract/sink.ts";
import { PostgresSink } from "../../../src/sinks/postgres/postgres_sink.ts";
import type { Prepared } from "../../../src/sinks/postgres/postgres_tables.ts";
import { aggregateOf, batchOf, CONTEXT, NEVER } from "../../contract/sink_samples.ts";
import { postgresConnection } from "../../support/postgres_connection.ts";
import { errorOf, type Script, scriptedSession } from "./scripted_session.ts";
import { loggerTo } from "../../support/logs.ts";

const PREPARED: Prepared = {
  isNew: false,
  made: [],
  flaws: [],
  labelsAdvice: undefined,
  isClaiming: false,
  isDurable: true,
};
const ROWS = ["a", "b", "c"].map((name) => aggregateOf({ name }));
const CONFIRMED = { any: true, newest: ROWS };

interface Given {
  readonly script?: Script;
  readonly prepared?: Partial<Prepared>;
  /** What the preparations before the last one end with. */
  readonly errors?: readonly Error[];
  readonly context?: Partial<SinkContext>;
}

/** A sink whose server answers by a script. */
function sinkWith({ script = {}, prepared = {}, errors = [], context = {} }: Given) {
  const alarms: SinkAlarm[] = [];
  const contradicted: Contradiction[] = [];
  const claims: Claim[] = [];
  /** What the table of the claims has. */
  const found: { claim?: Claim } = {};
  const lines: string[] = [];
  const logger = loggerTo(lines, "info");
  const { session, asked } = scriptedSession(script);
  const options = { id: "postgres", connection: postgresConnection("postgres://h/d"), table: "rows" };
  const sink = new PostgresSink({ ...options, createTable: true, instance: "plant-1" }, logger);
  const failures = [...errors];
  const tables = {
    prepare: () => {
      const failure = failures.shift();
      return failure ? Promise.reject(failure) : Promise.resolve({ ...PREPARED, ...prepared });
    },
    claim: () => ({
      read: () => Promise.resolve(found.claim),
      replace(_: unknown, claim: Claim) {
        claims.push(claim);
        return Promise.resolve(true);
      },
    }),
  };
  Object.assign(sink, { session, tables });
  const given: SinkContext = {
    ...CONTEXT,
    cursor: 7,
    alarm: (alarm) => alarms.push(alarm),
    contradicted: (some) => contradicted.push(...some),
    ...context,
  };
  const open = () => sink.open(given, NEVER);
  return { sink, open, asked, alarms, contradicted, lines, claims, found };
}

async function written(
  rows: readonly Aggregate[],
  given: Given,
  answers: readonly (readonly unknown[])[] = [[]],
) {
  const script = {
    "the rows": [[{ written: 1, isClaimed: true, claimedTo: null }]],
    "the rows there": answers,
  };
  const opened = sinkWith({ script, ...given });
  await opened.open();
  opened.asked.length = 0;
  await opened.sink.write(batchOf(rows), NEVER);
  return opened;
}

Deno.test("a batch that was written whole is not looked for, a smaller one is", async () => {
  const whole = await written([ROWS[0]!], {});
  assert.deepEqual(whole.asked.map(({ what }) => what), ["the rows"]);
  assert.ok(whole.asked[0]!.text.includes('{"a"}::text[]'), whole.asked[0]!.text);
  const repeated = await written([ROWS[0]!, ROWS[0]!], {});
  assert.deepEqual(repeated.asked.map(({ what }) => what), ["the rows"], "one row");
  const fewer = await written(ROWS, {});
  assert.deepEqual(fewer.asked.map(({ what }) => what), ["the rows", "the rows there", "the rows there"]);
  assert.deepEqual([fewer.alarms, fewer.contradicted], [[], []], "they are all there");
  const nothing = await written([], {});
  assert.deepEqual(nothing.asked, []);
});

Deno.test("rows that are there with other numbers, and rows that are not there, are told", async () => {
  const { alarms, contradicted } = await written(ROWS, {}, [
    [{ index: 2, value: 1.5, count: 9, revision: 4 }],
    [{ index: 3 }],
  ]);
  assert.deepEqual(contradicted, [{
    written: ROWS[1],
    held: { ...ROWS[1]!, value: 1.5, count: 9, revision: 4 },
  }]);
  assert.deepEqual(alarms.map(({ kind, count }) => [kind, count]), [["rows_missing", 1]]);
  assert.match(alarms[0]!.detail, /not there, such as avg\("c"\)/);
});

Deno.test("names and labels reach the server as they are, whatever they contain", async () => {
  const labels = '{"site":"a\\"b"}';
  const given = [{ ...ROWS[0]!, name: 'q"u\\o' }, { ...ROWS[0]!, name: "{x,y}", labels }];
  const { asked } = await written(given, {});
  assert.ok(asked[0]!.text.includes(String.raw`{"q\"u\\o","{x,y}"}::text[]`), asked[0]!.text);
  assert.ok(asked[0]!.text.includes(String.raw`{"{}","{\"site\":\"a\\\"b\"}"}::text[]`), asked[0]!.text);
});

Deno.test("a table without labels in its key takes rows without labels, and no others", async () => {
  const prepared = { labelsAdvice: "Run: alter table" };
  const { asked } = await written(ROWS, { prepared });
  for (const { text } of asked) assert.doesNotMatch(text, /labels::jsonb|instance, labels/);
  const { asked: labelled } = await written(ROWS, {});
  for (const { text } of labelled) assert.match(text, /labels::jsonb/);
  const error = await errorOf(written([ROWS[0]!, aggregateOf({ labels: '{"line":"7"}' })], { prepared }));
  assert.equal(error.kind, "misconfigured");
  assert.match(error.message, /takes no series with labels, such as .*7.*Run: alter table$/);
});

Deno.test("only a batch that overwrites replaces rows of the same revision", async () => {
  for (const overwrites of [undefined, false, true]) {
    const { sink, open, asked } = sinkWith({
      script: { "the rows": [[{ written: 1, isClaimed: true, claimedTo: null }]] },
    });
    await open();
    asked.length = 0;
    await sink.write({ ...batchOf([ROWS[0]!]), ...(overwrites !== undefined && { overwrites }) }, NEVER);
    assert.match(
      asked[0]!.text,
      new RegExp(`where excluded.revision > stored.revision or \\(${overwrites === true} and `),
    );
  }
});

Deno.test("a batch is written under the claim, and one whose claim is lost says to whom", async () => {
  const prepared = { isClaiming: true };
  const kept = await written([ROWS[0]!], { prepared });
  assert.match(kept.asked[0]!.text, /set next_id = greatest\(next_id, 1\) .* life = life-of-the-tests /);
  assert.deepEqual(kept.claims.map(({ life, nextId }) => [life, nextId]), [["life-of-the-tests", 7]]);
  const unclaimed = await written([ROWS[0]!], {});
  assert.deepEqual(unclaimed.claims, []);
  assert.match(unclaimed.asked[0]!.text, /with claimed as \(select null/);
  const script = { "the rows": [[{ written: 0, isClaimed: false }]] };
  const lost = sinkWith({ prepared, script });
  await lost.open();
  const passing = await errorOf(lost.sink.write(batchOf(ROWS), NEVER));
  assert.deepEqual([passing.kind, /claim was taken away/.test(passing.message)], ["unavailable", true]);
  const foreign = sinkWith({
    prepared,
    script,
    context: { claimant: { ...CONTEXT.claimant, objection: () => "it is another's" } },
  });
  await foreign.open();
  foreign.found.claim = { stateId: "another", boot: 1, life: "another", nextId: 9 };
  const lasting = await errorOf(foreign.sink.write(batchOf(ROWS), NEVER));
  assert.deepEqual([lasting.kind, lasting.message], [
    "misconfigured",
    "PostgreSQL, table rows: it is another's",
  ]);
});

Deno.test("a database that went back to an earlier time under an open connection is opened again", async () => {
  const answers = [null, 0, 1, 0].map((claimedTo) => [{ written: 1, isClaimed: true, claimedTo }]);
  const { sink, open } = sinkWith({ prepared: { isClaiming: true }, script: { "the rows": answers } });
  await open();
  const write = () => sink.write(batchOf([ROWS[0]!]), NEVER);
  await write();
  const error = await errorOf(write());
  assert.equal(error.kind, "unavailable");
  assert.match(error.message, /of an earlier time .* It is opened again\.$/);
  await write();
  await open();
  await write();
});

Deno.test("a sink that is not open writes nothing", async () => {
  const { sink } = sinkWith({});
  const error = await errorOf(sink.write(batchOf(ROWS), NEVER));
  assert.deepEqual([error.kind, error.message], ["unavailable", "PostgreSQL, table rows is not open."]);
});

Deno.test("what is missing of the rows that were confirmed is an alarm when the sink opens", async () => {
  const alarmOf = async (any: boolean, isNew: boolean, isThere: boolean, missing: readonly object[]) => {
    const script = { "a first row": [[{ any: isThere }]], "the rows there": [missing] };
    const opened = sinkWith({
      script,
      prepared: { isNew },
      context: { confirmed: { ...CONFIRMED, any } },
    });
    assert.equal(await opened.open(), 7, "it goes on where the state is");
    return opened.alarms.map(({ detail }) => detail).join();
  };
  assert.equal(await alarmOf(false, true, false, [{ index: 1 }]), "");
  assert.match(
    await alarmOf(true, true, false, []),
    /^the table rows was not there and had to be created again/,
  );
  assert.match(await alarmOf(true, false, false, []), /^the table rows is empty, though/);
  assert.equal(await alarmOf(true, false, true, []), "");
  assert.match(
    await alarmOf(true, false, true, [{ index: 2 }]),
    /^1 of the 3 newest rows .* such as avg\("b"\)/,
  );
});

Deno.test("commits are durable whatever the server's default is, unless the operator has set it", async () => {
  for (const isDurable of [true, false]) {
    const { asked } = await written([ROWS[0]!], { prepared: { isDurable } });
    assert.equal(/set_config\('synchronous_commit'/.test(asked[0]!.text), isDurable);
  }
});

Deno.test("a sink that opens begins with a new connection, and one that closes ends it", async () => {
  const { sink, open, asked } = sinkWith({});
  await open();
  assert.deepEqual(asked.map(({ what }) => what), ["to close"]);
  await sink.close();
  assert.equal(asked.length, 2);
});

Deno.test("tables that were made, and flaws of them, are in the log", async () => {
  const { open, lines } = sinkWith({ prepared: { made: ["rows", "rows_writer"], flaws: ["count is text"] } });
  await open();
  assert.equal(lines.filter((line) => /table created/.test(line)).length, 2, lines.join());
  assert.equal(lines.filter((line) => /WARN.*count is text/i.test(line)).length, 1, lines.join());
});

Deno.test("a probe says what is there, and rehearses again where another handler was faster", async () => {
  const script = { "a first query": [[{ version: "17.2" }]] };
  const lost = () => new SinkError("misconfigured", "refused", { cause: { code: "42P07" } });
  const there = sinkWith({ script, errors: [lost(), lost()], prepared: { flaws: ["count is text"] } });
  assert.equal(
    await there.sink.probe(NEVER),
    "PostgreSQL 17.2, table rows is there. Warning: count is text",
  );
  const absent = sinkWith({ script, prepared: { isNew: true, labelsAdvice: "Run: it" } });
  assert.equal(
    await absent.sink.probe(NEVER),
    "PostgreSQL 17.2, table rows will be created. Warning: it takes no series with labels. Run: it",
  );
  const unlucky = sinkWith({ script, errors: [lost(), lost(), lost()] });
  assert.equal((await errorOf(unlucky.sink.probe(NEVER))).message, "refused");
  const failed = sinkWith({ script, errors: [new SinkError("misconfigured", "no right")] });
  assert.equal((await errorOf(failed.sink.probe(NEVER))).message, "no right", "at once");
});
