/**
 * Servers may repeat the secrets that they were sent, in errors above all. Nothing that a bus, a sink or the
 * outlet of metrics says has them, whatever way its words take.
 */
import assert from "node:assert/strict";
import {
  type Changing,
  type MetricsOutlet,
  sinkConnector,
  sourceConnector,
} from "../../src/contract/connector.ts";
import { SinkError } from "../../src/contract/sink.ts";
import { type Partition, type Source, type SourceContext, SourceError } from "../../src/contract/source.ts";
import { EventBatch } from "../../src/event/event_batch.ts";
import { createOutlet, createSinks, createSources, systemSurroundings } from "../../src/runtime/parts.ts";
import { Registry } from "../../src/runtime/registry.ts";
import { SINKS } from "../../src/sinks/registry.ts";
import { SOURCES } from "../../src/sources/registry.ts";
import { BUS_LOGIN } from "../../src/settings/bus_login.ts";
import { anyText } from "../../src/settings/value_type.ts";
import { optional } from "../../src/settings/variable.ts";
import { NEVER, QUIET } from "../contract/sink_samples.ts";
import { sourcesOf } from "../settings/sources.ts";
import { loggerTo } from "../support/logs.ts";

const BEFORE = "geheim-1";
const AFTER = "geheim-2";

/** Says its password with each word. */
class Telltale implements Source, MetricsOutlet {
  readonly name = "telltale";
  readonly partition: Partition = {
    id: "",
    replay: "from-position",
    readMaxMs: 0,
    read: () => Promise.reject(this.error()),
    committed: () => Promise.resolve(),
    lineageNow: () => Promise.reject(this.error()),
  };

  constructor(readonly id: string, private password: string) {}

  change(password: string): void {
    this.password = password;
  }

  open(context: SourceContext): Promise<Partition[]> {
    context.logger.warn(`sent ${this.password}`, { answer: this.password });
    context.withheld(new Map([["", { kind: "wait", why: `after ${this.password}` }]]));
    context.changed([this.partition]);
    return Promise.resolve([this.partition]);
  }

  probe = () => Promise.resolve(`welcome ${this.password}`);
  time = () => Promise.reject(this.error());
  post = () => Promise.reject(this.error());
  close = () => Promise.resolve();

  private error(): SourceError {
    return new SourceError("refused", `no user has ${this.password}`);
  }
}

interface TelltaleConfig {
  readonly password: string;
}

function telltales(): Registry {
  const create = ({ password }: TelltaleConfig): Changing<Telltale, TelltaleConfig> => {
    const part = new Telltale("telltale", password);
    return { part, change: (config) => part.change(config.password) };
  };
  const source = sourceConnector({
    kind: "telltale",
    title: "Telltale",
    schemes: { plain: ["telltale"], tls: [] },
    urlForm: "telltale://",
    settings: BUS_LOGIN,
    readUrl: (text) => text,
    addressOf: (url) => url,
    configure: ({ values }): TelltaleConfig => ({ password: values.VABUS_PASSWORD! }),
    secretsOf: ({ password }) => [password],
    create: (config) => Promise.resolve(create(config)),
    outlet: (config) => Promise.resolve(create(config)),
  });
  const sink = sinkConnector({
    kind: "tattler",
    title: "Tattler",
    settings: {
      TATTLER_PASSWORD: optional(anyText("<word>", "any text"), { help: "x", example: "y", secret: true }),
    },
    configure: ({ values }) => values.TATTLER_PASSWORD!,
    secretsOf: (password) => [password],
    targetsOf: () => ["tattler"],
    create: (password, { id, logger }) => {
      const error = () => Promise.reject(new SinkError("misconfigured", `no user has ${password}`));
      logger.warn(`sent ${password}`);
      return Promise.resolve({
        id,
        repeat: "append",
        open: error,
        write: error,
        probe: () => Promise.resolve(`welcome ${password}`),
        close: () => Promise.resolve(),
      });
    },
  });
  return new Registry([...SINKS, sink], [...SOURCES, source]);
}

function configured(registry: Registry, password = BEFORE) {
  return registry.configure(sourcesOf({
    environment: {
      VABUS_URL: "telltale://far",
      VABUS_PASSWORD: password,
      STORAGE_TYPE: "tattler",
      TATTLER_PASSWORD: password,
    },
  }));
}

async function opened(source: Source) {
  const lines: string[] = [];
  const changed: Partition[] = [];
  const reasons: string[] = [];
  const partitions = await source.open({
    logger: loggerTo(lines),
    changed: (present) => changed.push(...present),
    withheld: (held) => reasons.push(...[...held.values()].map(({ why }) => why)),
  } as Partial<SourceContext> as SourceContext, NEVER);
  return { partition: partitions[0]!, changed, reasons, lines };
}

const PROGRESS = { lineage: undefined, position: undefined } as unknown as Parameters<Partition["read"]>[0];
const REQUEST = { limit: 1, waitMs: 0, isAfterRest: false };
const message = "no user has ***";

Deno.test("no word of a source has a secret: errors, answers, log lines, why a partition is withheld", async () => {
  const registry = telltales();
  const [source] = await createSources(configured(registry), registry);
  assert.equal(await source!.probe(NEVER), "welcome ***");
  await assert.rejects(source!.time!(NEVER), { message });
  const { partition, changed, reasons, lines } = await opened(source!);
  assert.deepEqual(reasons, ["after ***"]);
  assert.match(lines.join(), /sent \*\*\* answer="?\*\*\*/);
  assert.equal(changed[0], partition, "a partition that stays is the same object");
  assert.equal(partition.unreadAfter, undefined, "what a source does not have it does not get");
  await assert.rejects(partition.read(PROGRESS, new EventBatch(), REQUEST, NEVER), { message });
  await assert.rejects(partition.lineageNow!(NEVER), { message });
});

Deno.test("no word of the outlet of metrics has a secret", async () => {
  const registry = telltales();
  const outlet = await createOutlet(configured(registry), registry);
  await assert.rejects(outlet!.part.post([], NEVER), { message });
});

Deno.test("no word of a sink has a secret, with an id of its own or without", async () => {
  const registry = telltales();
  const lines: string[] = [];
  const [sink] = await createSinks(configured(registry), loggerTo(lines), registry);
  assert.equal(await sink!.probe(NEVER), "welcome ***");
  await assert.rejects(sink!.write({} as Parameters<typeof sink.write>[0], NEVER), { message });
  assert.match(lines.join(), /sent \*\*\*/);
});

Deno.test("after a change of settings neither the new secret is told nor the one before", async () => {
  const registry = telltales();
  const [before, after] = [configured(registry), configured(registry, AFTER)];
  const { sources, outlet, change } = await systemSurroundings(before, QUIET, registry);
  const { part } = (await outlet!())!;
  const sinks = await change!(before, after);
  assert.equal(await sources[0]!.probe(NEVER), "welcome ***");
  await assert.rejects(part.post([], NEVER), { message });
  assert.equal(await sinks[0]!.probe(NEVER), "welcome ***");
});
