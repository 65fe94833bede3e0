/**
 * A sink with an id is told of by the names that its settings have for the operator, whatever way its words
 * take.
 */
import assert from "node:assert/strict";
import { type Sink, type SinkContext, SinkError } from "../../src/contract/sink.ts";
import type { ReadBack } from "../../src/contract/read_back.ts";
import { type Logger } from "../../src/platform/log/logger.ts";
import { createSinks } from "../../src/runtime/parts.ts";
import { Registry } from "../../src/runtime/registry.ts";
import { SINKS } from "../../src/sinks/registry.ts";
import { SOURCES } from "../../src/sources/registry.ts";
import { sinkConnector } from "../../src/contract/connector.ts";
import { anyText } from "../../src/settings/value_type.ts";
import { withDefault } from "../../src/settings/variable.ts";
import { batchOf, CONTEXT, NEVER, QUIET } from "../contract/sink_samples.ts";
import { sourcesOf } from "../settings/sources.ts";
import { freePort } from "../support/free_port.ts";
import { loggerTo } from "../support/logs.ts";

const WORDS = "PARROT_WORD is wrong; PARROT_WORD_FILE too";
const SOUGHT = {
  name: "a",
  labels: {},
  aggFunc: undefined,
  lengthMs: undefined,
  fromMs: 0,
  untilMs: 1,
  limit: 1,
};
const NAMED = "HISTORY_PARROT_WORD is wrong; HISTORY_PARROT_WORD_FILE too";

/** Uses the name of its setting everywhere: in the error of every operation, or in its result. */
class Parrot implements Omit<Required<Sink>, "readBack"> {
  readonly repeat = "append";
  readonly readBack: Required<ReadBack>;

  constructor(
    readonly id: string,
    private readonly logger: Logger,
    private readonly config: { fails: boolean },
  ) {
    const answer = <T>(value: T) => this.answer(value);
    this.readBack = {
      cost: "cheap",
      sumOfCounts: () => answer(0),
      rowsOfWindow: () => answer([]),
      newest: () => answer([]),
      rowsOfSeries: () => answer({ aggregates: [], reachedMs: 0 }),
      deleted: () => answer(undefined),
      flaws: () => answer([WORDS, WORDS]),
    };
  }

  open(context: SinkContext): Promise<number> {
    this.logger.warn(WORDS, { advice: WORDS, count: 1 });
    context.alarm({ kind: "rows_missing", detail: WORDS, count: 1 });
    return this.answer(context.cursor);
  }

  write = () => this.answer(undefined);
  probe = () => this.answer(WORDS);
  keepAlive = () => this.answer(undefined);
  close = () => Promise.resolve();

  private answer<T>(value: T): Promise<T> {
    return this.config.fails ? Promise.reject(new SinkError("misconfigured", WORDS)) : Promise.resolve(value);
  }
}

/** The parrot as `history:parrot`, and what it logs. */
async function parrot(fails: boolean): Promise<{ sink: Sink; lines: string[] }> {
  const lines: string[] = [];
  const logger = loggerTo(lines);
  const connector = sinkConnector({
    kind: "parrot",
    title: "Parrot",
    settings: {
      PARROT_WORD: withDefault(anyText("<word>", "any text"), "x", { help: "a word", example: "y" }),
    },
    configure: () => ({ fails }),
    targetsOf: () => ["parrot"],
    create: (config, { id, logger }) => Promise.resolve(new Parrot(id, logger, config)),
    readBack: "cheap",
  });
  const registry = new Registry([...SINKS, connector], SOURCES);
  const config = registry.configure(sourcesOf({ environment: { STORAGE_TYPE: "history:parrot" } }));
  return { sink: (await createSinks(config, logger, registry))[0]!, lines };
}

Deno.test("every error of a sink with an id has the names that the operator knows", async () => {
  const { sink } = await parrot(true);
  const readBack = sink.readBack!;
  const context = { ...CONTEXT, alarm: () => {} };
  const operations: Record<string, () => Promise<unknown>> = {
    open: () => sink.open(context, NEVER),
    write: () => sink.write(batchOf([]), NEVER),
    probe: () => sink.probe(NEVER),
    keepAlive: () => sink.keepAlive!(0, NEVER),
    sumOfCounts: () => readBack.sumOfCounts("i", 0, NEVER),
    rowsOfWindow: () => readBack.rowsOfWindow("i", 0, 1, NEVER),
    newest: () => readBack.newest!("i", 1, NEVER),
    rowsOfSeries: () => readBack.rowsOfSeries!("i", SOUGHT, NEVER),
    deleted: () => readBack.deleted!("i", NEVER),
    flaws: () => readBack.flaws!("i", 0, () => false, NEVER),
  };
  for (const [operation, perform] of Object.entries(operations)) {
    await assert.rejects(perform(), { message: NAMED }, operation);
  }
});

Deno.test("every other word of a sink with an id has them too: answers, alarms, flaws, log lines", async () => {
  const { sink, lines } = await parrot(false);
  const alarms: string[] = [];
  await sink.open({ ...CONTEXT, alarm: ({ detail }) => alarms.push(detail) }, NEVER);
  assert.deepEqual(alarms, [NAMED]);
  assert.equal(await sink.probe(NEVER), NAMED);
  assert.deepEqual([...await sink.readBack!.flaws!("i", 0, () => false, NEVER)], [NAMED, NAMED]);
  assert.equal(lines.length, 1);
  assert.ok(lines[0]!.includes(`${NAMED} advice="${NAMED}" count=1`), lines[0]);
});

Deno.test("a sink says what its connector declares: its id, and how its rows are read back", async () => {
  const environment = {
    STORAGE_TYPE: "history:postgres,far:kafka,old:sqlite,postgres,kafka,sqlite,stdout",
    KAFKA_BOOTSTRAP_SERVERS: "a:1",
    FAR_KAFKA_BOOTSTRAP_SERVERS: "b:1",
    POSTGRES_CONNECTION_STRING: "postgres://u@a/d",
    HISTORY_POSTGRES_CONNECTION_STRING: "postgres://u@b/d",
  };
  const registry = new Registry(SINKS, SOURCES);
  const config = registry.configure(sourcesOf({ environment }));
  for (const [index, sink] of (await createSinks(config, QUIET, registry)).entries()) {
    const { id, kind } = config.sinks[index]!;
    const { readBack } = registry.sink({ kind });
    assert.equal(sink.id, id);
    assert.equal(sink.readBack?.cost, typeof readBack === "object" ? "scan" : readBack, id);
  }
});

Deno.test("what a sink does not have, it does not get", async () => {
  const registry = new Registry(SINKS, SOURCES);
  const environment = { STORAGE_TYPE: "far:kafka,old:sqlite", FAR_KAFKA_BOOTSTRAP_SERVERS: "b:1" };
  const [far, old] = await createSinks(registry.configure(sourcesOf({ environment })), QUIET, registry);
  assert.deepEqual([far!.readBack!.rowsOfSeries, old!.keepAlive], [undefined, undefined]);
});

Deno.test("what its settings are warned of and refused for is told by them too", () => {
  const setting = "PARROT_WORD";
  const listen = `localhost:${freePort()}`;
  const configured = (isRight: boolean) => {
    const connector = sinkConnector({
      kind: "parrot",
      title: "Parrot",
      settings: {
        [setting]: withDefault(anyText("<word>", "any text"), "x", { help: "a word", example: "y" }),
      },
      configure: (scope) => {
        if (isRight) scope.warn(WORDS);
        else scope.fault(setting, WORDS);
        return {};
      },
      targetsOf: () => ["parrot"],
      credentialsOf: () =>
        isRight ? [{ credential: WORDS, host: "far", isProtected: false, flaw: WORDS, remedy: WORDS }] : [],
      fileOf: () => ({ setting, path: isRight ? "/parrot" : "/state/state.sqlite" }),
      retentionOf: () => ({ setting, retentionMs: isRight ? 1e12 : 1 }),
      addressesOf: () => [{ setting, address: isRight ? "far:1" : listen }],
      create: (_, { id, logger }) => Promise.resolve(new Parrot(id, logger, { fails: false })),
      readBack: "cheap",
    });
    const registry = new Registry([...SINKS, connector], SOURCES);
    const environment = {
      STORAGE_TYPE: "history:parrot",
      HTTP_LISTEN: listen,
      STATE_DIR: "/state",
    };
    const config = registry.configure(sourcesOf({ environment }));
    return { config, file: registry.fileOf(config.sinks[0]!) };
  };
  const { config: { warnings }, file } = configured(true);
  assert.deepEqual(warnings, [NAMED, `${NAMED} goes to far ${NAMED}: ${NAMED}`]);
  assert.equal(file!.setting, `HISTORY_${setting}`);
  assert.throws(() => configured(false), (error: Error) => {
    assert.ok(error.message.includes(NAMED), error.message);
    assert.doesNotMatch(error.message, /(?<!HISTORY_)PARROT_WORD/);
    return true;
  });
});
