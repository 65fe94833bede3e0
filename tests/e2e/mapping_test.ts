/** Records of any shape, from a VaBus to the sink, the dead letters and back. */
import assert from "node:assert/strict";
import { runCheck, runToEnd, temporaryDirectory } from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { Bus, handlerEnvironment, sqlitePath, sqliteSink } from "./plant.ts";

const BASE = Math.floor(Date.now() / 60_000) * 60 - 600;

/** A bus of somebody else with these elements. */
async function foreignBus(elements: readonly string[]): Promise<{ url: string } & AsyncDisposable> {
  const log = crypto.randomUUID();
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
    const { pathname, searchParams } = new URL(request.url);
    const next = elements.length;
    if (pathname !== "/events") return Response.json({ status: "ok", log, first: 0, next });
    const offset = Number(searchParams.get("offset") ?? 0);
    const events = elements.slice(offset, offset + Number(searchParams.get("limit")));
    return new Response(
      `{"log":"${log}","offset":${offset},"next":${offset + events.length},"events":[${events}]}`,
    );
  });
  return await Promise.resolve({
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  });
}

async function rowsOf(directory: string): Promise<string[]> {
  const rows = await sqliteSink(sqlitePath(directory)).rows();
  return rows.map(({ name, labels = "", aggFunc, value, count }) =>
    `${aggFunc}(${name}${labels}) = ${value} of ${count}`
  )
    .sort();
}

Deno.test("json: what does not fit is a dead letter, and comes in by the mapping of later", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const mapping = {
    EVENT_NAME: "{/meta/machine}.{path}",
    EVENT_VALUE: "*",
    EVENT_TIMESTAMP: "/ts",
    EVENT_TIME_UNIT: "ms",
    EVENT_LABELS: "site:/meta/site",
    AGG_FUNCTIONS: "*.temp=min,max",
  };
  const run = (settings: Record<string, string>, ...args: string[]) =>
    runToEnd(args, handlerEnvironment(bus.url, directory.path, { STORAGE_TYPE: "sqlite", ...settings }));
  const record = (machine: string | undefined, temp: number, more = {}) =>
    JSON.stringify({ meta: { machine, site: "north" }, ts: BASE * 1000 + temp, temp, ...more });
  await bus.publish([
    record("oven", 20),
    record("oven", 22, { door: true }),
    record(undefined, 23, { device: "kiln", load: 5 }),
    `{"meta":{"machine":"oven"},"ts":${BASE * 1e6},"temp":1}`,
    "{}",
  ]);
  const first = await run(mapping, "once", "--flush");
  assert.equal(first.code, 0, first.stderr);
  assert.deepEqual(await rowsOf(directory.path), [
    'max(oven.temp{"site":"north"}) = 22 of 2',
    'min(oven.temp{"site":"north"}) = 20 of 2',
    'sum(oven.door{"site":"north"}) = 1 of 1',
  ]);
  const refusals = await run({}, "dead-letters", "list");
  assert.match(refusals.stdout, /\{\/meta\/machine\} finds nothing; and 1 more of its parts do not fit/);
  assert.match(refusals.stdout, /it looks like microseconds, and has to be in milliseconds/);
  assert.match(refusals.stdout, /no number in it/);
  const proof = await run({}, "verify");
  assert.equal(proof.code, 0, proof.stdout);

  // Another mapping is no other history of the bus, and takes in what the first one did not.
  await bus.publish([record("oven", 24, { device: "kiln" })]);
  const other = { ...mapping, EVENT_NAME: "{/device}.{path}" };
  const second = await run(other, "once", "--flush");
  assert.equal(second.code, 0, second.stderr);
  assert.doesNotMatch(second.stderr, /other events|restored/);
  const retry = await run({}, "dead-letters", "retry", "--reason", "invalid");
  assert.equal(retry.code, 0, retry.stderr);
  const third = await run(other, "once", "--flush");
  assert.equal(third.code, 0, third.stderr);
  const kiln = (await rowsOf(directory.path)).filter((row) => row.includes("kiln"));
  assert.deepEqual(kiln, [
    'max(kiln.temp{"site":"north"}) = 24 of 2',
    'min(kiln.temp{"site":"north"}) = 23 of 2',
    'sum(kiln.load{"site":"north"}) = 5 of 1',
  ]);
  // And so is none at all: from then on, records have to be events as they are.
  await bus.publish([`{"name":"plain","value":1,"timestamp":${BASE}}`]);
  const fourth = await run({}, "once", "--flush");
  assert.equal(fourth.code, 0, fourth.stderr);
  assert.ok((await rowsOf(directory.path)).includes("sum(plain) = 1 of 1"));
  const status = JSON.parse((await run({}, "status", "--json")).stdout);
  assert.deepEqual(
    [status.accounting.received, status.accounting.aggregated, status.accounting.contributed],
    [9, 7, 11],
  );
  const end = await run({}, "verify");
  assert.equal(end.code, 0, end.stdout);
});

Deno.test("line protocol and CSV as texts of a bus, each bus by the parameters of its URL", async () => {
  await using directory = await temporaryDirectory();
  // The bus of the product takes objects only; others may hold any JSON.
  await using telegraf = await foreignBus([
    JSON.stringify(
      `cpu,host=a idle=5,user=2i ${BASE}000000000\ncpu,host=b idle=NaN,user=3i ${BASE}000000000`,
    ),
    "17",
  ]);
  await using logger = await foreignBus([
    JSON.stringify(`machine;temp;time\noven;21.5;${BASE}\noven;"1,5";${BASE}`),
  ]);
  const urls = [
    `${telegraf.url}?format=influx&labels=host:%7Btag:host%7D`,
    `${logger.url}?format=csv&name={/machine}.{column}&value=/temp&timestamp=/time`,
  ].join(",");
  const environment = handlerEnvironment(urls, directory.path, { STORAGE_TYPE: "sqlite" });
  const run = (...args: string[]) => runToEnd(args, environment);
  const once = await run("once", "--flush");
  assert.equal(once.code, 0, once.stderr);
  assert.deepEqual(await rowsOf(directory.path), [
    'sum(cpu.idle{"host":"a"}) = 5 of 1',
    'sum(cpu.user{"host":"a"}) = 2 of 1',
    'sum(cpu.user{"host":"b"}) = 3 of 1',
    "sum(oven.temp) = 21.5 of 1",
  ]);
  const refusals = await run("dead-letters", "list");
  assert.match(refusals.stdout, /NaN, which is no finite number/);
  assert.match(refusals.stdout, /no fields/);
  assert.match(refusals.stdout, /decimal comma/);
  const retry = await run("dead-letters", "retry", "--reason", "invalid");
  assert.match(retry.stdout + retry.stderr, /3/);
  const proof = await run("verify");
  assert.equal(proof.code, 0, proof.stdout);
  const status = JSON.parse((await run("status", "--json")).stdout);
  assert.deepEqual([status.accounting.received, status.accounting.invalid], [7, 3]);
});

Deno.test("check points into a template, and shows what the records of a file become", async () => {
  await using directory = await temporaryDirectory();
  const file = `${directory.path}/records.ndjson`;
  await Deno.writeTextFile(
    file,
    `{"machine":"oven","temp":"21.5","ts":${BASE}000}\n{"machine":"oven","temp":"1,5","ts":${BASE}}\n` +
      `{"machine":"oven","temp":9007199254740993,"ts":${BASE}000000}\n`,
  );
  const environment = (name: string) =>
    handlerEnvironment(`http://localhost:${freePort()}`, directory.path, {
      STORAGE_TYPE: "sqlite",
      EVENT_NAME: name,
      EVENT_VALUE: "/temp",
      EVENT_TIMESTAMP: "/ts",
      EVENT_TIME_UNIT: "ms",
      AGG_FUNCTIONS: "*=avg,max",
    });
  const wrong = await runToEnd(["run"], environment("{/machine}.{tmp}"));
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /EVENT_NAME=.* has a hole \{tmp\} that there is not/);
  assert.match(wrong.stderr, /\n {6}\{\/machine\}\.\{tmp\}\n {17}\^\n/);
  const shown = await runCheck(environment("{/machine}.temp"), ["check", "--sample", file]);
  assert.equal(shown.code, 1, shown.stderr);
  const lines = shown.stdout.split("\n");
  assert.match(lines[0]!, /^Records of \S+ become:$/);
  assert.match(lines[1]!, /^ {5}1 {2}"oven\.temp" {2}value 21\.5 {2}at \S+Z {2}avg,max$/);
  assert.match(lines[2]!, /REFUSED as invalid: the value at \/temp "1,5" has a decimal comma/);
  assert.match(
    lines[3]!,
    /REFUSED as future: .* looks like microseconds, .*rounded: a whole number beyond 2\^53/,
  );
  const missing = await runCheck(environment("n"), ["check", "--sample", `${file}.none`]);
  assert.equal(missing.code, 2);
  assert.match(missing.stderr, /--sample .*cannot be read/);
});

Deno.test("a mended mapping is in force after a run that found nothing new", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const run = (settings: Record<string, string>, ...args: string[]) =>
    runToEnd(args, handlerEnvironment(bus.url, directory.path, { STORAGE_TYPE: "sqlite", ...settings }));
  await bus.publish([JSON.stringify({ name: "oven", temp: 20, timestamp: BASE })]);
  assert.equal((await run({ EVENT_VALUE: "/value" }, "once", "--flush")).code, 0);
  assert.deepEqual(await rowsOf(directory.path), []);
  const mended = { EVENT_VALUE: "/temp" };
  assert.equal((await run(mended, "once", "--flush")).code, 0);
  // The shell of who retries does not have the mapping.
  const retry = await run({}, "dead-letters", "retry", "--reason", "invalid");
  assert.equal(retry.code, 0, retry.stderr);
  assert.equal((await run(mended, "once", "--flush")).code, 0);
  assert.deepEqual(await rowsOf(directory.path), ["sum(oven) = 20 of 1"]);
});
