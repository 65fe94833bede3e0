import assert from "node:assert/strict";
import { SinkError } from "../../../src/contract/sink.ts";
import type { PostgresSession } from "../../../src/sinks/postgres/postgres_session.ts";
import { isLostRace, PostgresTables } from "../../../src/sinks/postgres/postgres_tables.ts";

const NEVER = new AbortController().signal;

interface Server {
  /** The tables that there are. */
  readonly tables: string[];
  /** What questions end with, by their names. */
  readonly errors?: Record<string, readonly (Error | undefined)[]>;
  readonly commit?: { readonly setting: string; readonly source: string };
  readonly labelsFix?: string;
  readonly ofTable?: readonly string[];
}

/** Prepares the table "rows" on a server. */
async function prepare(server: Server, createTable = true) {
  const errors = new Map(Object.entries(server.errors ?? {}).map(([what, list]) => [what, [...list]]));
  const statements: string[] = [];
  const sql = Object.assign((_: unknown, ...values: unknown[]) => values, {
    unsafe: (statement: string) => statement,
  });
  const session = {
    query(what: string, _: AbortSignal, build: (given: typeof sql) => unknown): Promise<unknown> {
      const error = errors.get(what)?.shift();
      if (error !== undefined) return Promise.reject(error);
      if (what === "to read synchronous_commit") return Promise.resolve(server.commit ? [server.commit] : []);
      if (what === "the key") return Promise.resolve(server.labelsFix);
      if (what === "the columns") return Promise.resolve(server.ofTable ?? []);
      if (what === "to look for the table") {
        const [name] = build(sql) as [string];
        return Promise.resolve([{ exists: server.tables.includes(name.replaceAll('"', "")) }]);
      }
      if (what === "to create a table") {
        const statement = build(sql) as string;
        statements.push(statement);
        server.tables.push(/"([^"]+)"/.exec(statement)![1]!);
      }
      return Promise.resolve([]);
    },
  } as unknown as PostgresSession;
  const tables = new PostgresTables({ table: "rows", createTable, instance: "plant" }, session);
  return { ...await tables.prepare(NEVER), statements: statements.length };
}

const fault = (code: string, kind: SinkError["kind"] = "misconfigured") =>
  new SinkError(kind, `refused with ${code}`, { cause: { code } });

Deno.test("what is missing is made, and told; what is there is left alone", async () => {
  const made = await prepare({ tables: [] });
  assert.equal(made.isNew, true);
  assert.equal(made.made.length, 2);
  assert.equal(made.made[0], "rows");
  assert.equal(made.statements, 2);
  assert.deepEqual([made.flaws, made.isClaiming, made.isDurable, made.labelsAdvice], [
    [],
    true,
    true,
    undefined,
  ]);
  const present = await prepare({ tables: ["rows", made.made[1]!] });
  assert.deepEqual([present.isNew, present.made, present.statements], [false, [], 0]);
  const half = await prepare({ tables: ["rows"] });
  assert.deepEqual([half.isNew, half.made, half.statements], [false, [made.made[1]], 1]);
});

Deno.test("where no table may be made, the missing one of the rows is an error, that of the claims a flaw", async () => {
  await assert.rejects(
    prepare({ tables: [] }, false),
    (error) => error instanceof SinkError && /has no table rows.*Run: create table/s.test(error.message),
  );
  const { flaws, isClaiming, made } = await prepare({ tables: ["rows"] }, false);
  assert.match(flaws[0]!, /cannot be noticed here.*POSTGRES_CREATE_TABLE is false.*Run: create table/s);
  assert.deepEqual([flaws.length, isClaiming, made], [1, false, []]);
});

Deno.test("a missing right on the claims is a flaw; a server that goes away is an error", async () => {
  const errors = (error: Error) => ({ "the table of the writers": [error] });
  const { flaws, isClaiming } = await prepare({ tables: [], errors: errors(fault("42501")) });
  assert.match(flaws[0]!, /refused with 42501/);
  assert.equal(isClaiming, false);
  for (const error of [fault("57P01", "unavailable"), new Error("a defect")]) {
    await assert.rejects(prepare({ tables: [], errors: errors(error) }), error);
  }
});

Deno.test("a table that a first write without rows is refused by is an error, whoever has made it", async () => {
  for (const tables of [[], ["rows"]]) {
    await assert.rejects(prepare({ tables, errors: { "the table": [fault("42501")] } }), {
      message: "refused with 42501",
    });
  }
});

Deno.test("who loses the race for a table tries again, thrice at most", async () => {
  const race = (...codes: string[]) => ({ "to create a table": codes.map((code) => fault(code)) });
  const { made } = await prepare({ tables: [], errors: race("23505", "42P07") });
  assert.equal(made[0], "rows");
  for (const codes of [["23505", "42P07", "42710"], ["42501"]]) {
    const last = `refused with ${codes.at(-1)}`;
    await assert.rejects(prepare({ tables: [], errors: race(...codes) }), { message: last });
  }
  const other = Object.assign(new Error("it has no cause"), { code: "23505" });
  assert.deepEqual([fault("42710"), fault("42501"), other].map(isLostRace), [true, false, false]);
});

Deno.test("a commit that an operator has made weak is a flaw, one that he has set at all is left to him", async () => {
  const commit = async (setting: string, source: string) => {
    const { flaws, isDurable } = await prepare({ tables: [], commit: { setting, source } });
    return [isDurable, flaws.length];
  };
  assert.deepEqual(await commit("off", "client"), [false, 1]);
  assert.deepEqual(await commit("on", "client"), [false, 0]);
  assert.deepEqual(await commit("off", "configuration file"), [true, 0]);
});

Deno.test("a table of a former version, and what is wrong with one, are told", async () => {
  const { flaws, labelsAdvice } = await prepare({
    tables: [],
    labelsFix: "ALTER IT;",
    ofTable: ["count is text", "it is unlogged"],
  });
  assert.deepEqual(flaws, ["count is text", "it is unlogged"]);
  assert.match(labelsAdvice!, /Run: ALTER IT; It locks the table/);
});
