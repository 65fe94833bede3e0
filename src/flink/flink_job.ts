import { compileFunctions } from "../aggregation/function_rules.ts";
import type { Tier } from "../aggregation/tier.ts";
import type { SourceConnector } from "../contract/connector.ts";
import type { FlinkSinkTable, FlinkTerms } from "../contract/flink_table.ts";
import { compileRoutes } from "../delivery/routes.ts";
import { functionId } from "../event/agg_function.ts";
import type { Registry } from "../runtime/registry.ts";
import type { Config } from "../settings/config.ts";
import type { SinkConfig } from "../settings/configured.ts";
import { prefixOfSink } from "../settings/sink_name.ts";
import { Cannot } from "./cannot.ts";
import { type EventExpressions, eventExpressions } from "./event_expressions.ts";
import { percentilesOf, readingsView } from "./function_statements.ts";
import { insertion, sinkTable } from "./sink_statements.ts";
import { sourceStatements } from "./source_statements.ts";
import type { StartOffsets } from "./start_offsets.ts";
import { tierView } from "./window_statements.ts";

/** How the job runs. */
export interface JobOptions {
  readonly parallelism: number;
  /** Percentiles, such as `p99`, for events that name them, beside those of AGG_FUNCTIONS. */
  readonly percentiles: readonly string[];
  /** Whether it reads what there is, closes all windows and ends. */
  readonly endsWhenRead: boolean;
  /** Undefined: it begins where a new handler would. */
  readonly offsets: StartOffsets | undefined;
  /** See {@link FlinkTerms}. */
  readonly secret: FlinkTerms["secret"];
}

/** A handler's settings as a job of Flink. */
export interface FlinkJob {
  readonly name: string;
  /** Statements that set up the session. */
  readonly settings: readonly (readonly [name: string, value: string])[];
  /** Statements that define tables and views, each with its comments and without a semicolon. */
  readonly definitions: readonly string[];
  readonly insertions: readonly string[];
  /** The connectors of Flink that its tables have. */
  readonly connectors: ReadonlySet<string>;
  /** Buses and sinks that are left out, and why: a sentence each. */
  readonly leftOut: readonly string[];
}

/** How long an id is remembered: long enough for a producer that sends again what was not confirmed. */
const ID_TTL = "1 h";

/**
 * Makes the job of a configuration.
 *
 * @throws {Cannot} where no bus or no sink is left, or where Flink SQL cannot read the records.
 */
export function flinkJob(config: Config, registry: Registry, options: JobOptions): FlinkJob {
  return new JobBuilder(config, registry, options).build();
}

class JobBuilder {
  private readonly leftOut: string[] = [];
  private readonly connectors = new Set<string>();
  private readonly name: string;

  constructor(
    private readonly config: Config,
    private readonly registry: Registry,
    private readonly options: JobOptions,
  ) {
    // Windows that the handler has cut at its end are completed by rows of another instance.
    this.name = `${config.instanceId}.flink`;
  }

  build(): FlinkJob {
    const { config } = this;
    const rules = compiled(compileFunctions(config.functions)).rules;
    const percentiles = [...new Set([...percentilesOf(rules), ...this.options.percentiles.map(functionId)])]
      .sort((a, b) => a - b);
    const sources = this.sources();
    const sinks = this.sinks();
    return {
      name: this.name,
      settings: this.settings(),
      definitions: [
        ...sources.flat(),
        readingsView(sources.length, rules, percentiles),
        ...config.intervals.map((tier, i) => tierView(i + 1, tier, percentiles)),
        ...sinks.map(({ id, table }) => sinkTable(id, table)),
      ],
      insertions: this.insertions(sinks),
      connectors: this.connectors,
      leftOut: this.leftOut,
    };
  }

  private settings(): FlinkJob["settings"] {
    const { checkpointIntervalMs, dedupMaxIds } = this.config;
    return [
      ["pipeline.name", this.name],
      ["execution.runtime-mode", "streaming"],
      ["table.local-time-zone", "UTC"],
      ["parallelism.default", `${this.options.parallelism}`],
      ["execution.checkpointing.mode", "EXACTLY_ONCE"],
      ["execution.checkpointing.interval", `${checkpointIntervalMs} ms`],
      ["execution.checkpointing.min-pause", `${Math.ceil(checkpointIntervalMs / 2)} ms`],
      ["execution.checkpointing.externalized-checkpoint-retention", "RETAIN_ON_CANCELLATION"],
      ["restart-strategy.type", "exponential-delay"],
      ["restart-strategy.exponential-delay.initial-backoff", "1 s"],
      ["restart-strategy.exponential-delay.max-backoff", "1 min"],
      ["pipeline.object-reuse", "true"],
      ...(dedupMaxIds > 0 ? [["table.exec.state.ttl", ID_TTL] as const] : []),
    ];
  }

  /** The statements of each topic. */
  private sources(): string[][] {
    const found: string[][] = [];
    for (const source of this.config.sources) {
      const bus = source.name ?? source.address;
      const connector = this.registry.source(source);
      if (connector.flink === undefined) {
        this.leave(`The bus ${bus} is left out: Flink has no connector for ${connector.title}.`);
        continue;
      }
      const events = this.events(source.events, bus);
      if (events === undefined) continue;
      const terms = { ...this.terms(), offsets: this.offsetsOf(bus, connector) };
      for (const table of connector.flink(source.options, terms)) {
        this.note(table.options);
        found.push(sourceStatements(found.length + 1, table, events, this.config));
      }
    }
    if (found.length === 0) {
      throw new Cannot(`VABUS_URL has no bus that Flink can read. ${this.leftOut.join(" ")}`);
    }
    return found;
  }

  /** A bus that begins elsewhere than its handler has ended would be counted twice, or not at all. */
  private offsetsOf(bus: string, { readingOf }: Pick<SourceConnector, "readingOf">): FlinkTerms["offsets"] {
    const { offsets } = this.options;
    const found = offsets?.of(bus, (position) => readingOf?.(position));
    if (offsets === undefined || found !== undefined) return found;
    throw new Cannot(
      `The state does not know the bus ${bus}; it knows ${offsets.names.join(", ") || "none"}.`,
    );
  }

  private events(texts: Parameters<typeof eventExpressions>[0], bus: string): EventExpressions | undefined {
    try {
      return eventExpressions(texts);
    } catch (error) {
      if (!(error instanceof Cannot)) throw error;
      this.leave(`The bus ${bus} is left out: ${error.message}`);
      return undefined;
    }
  }

  private sinks(): { readonly id: string; readonly table: FlinkSinkTable }[] {
    const found = this.config.sinks.flatMap((sink) => {
      const connector = this.registry.sink(sink);
      const table = connector.flink?.(sink.options, { ...this.terms(), secret: this.secretOf(sink) }) ??
        { cannot: `Flink has no connector for ${connector.title}.` };
      if ("cannot" in table) {
        this.leave(`The sink ${sink.id} is left out: ${table.cannot}`);
        return [];
      }
      this.note(table.options);
      return [{ id: sink.id, table }];
    });
    if (found.length === 0) {
      throw new Cannot(`STORAGE_TYPE has no sink that Flink can write to. ${this.leftOut.join(" ")}`);
    }
    return found;
  }

  private insertions(sinks: readonly { readonly id: string; readonly table: FlinkSinkTable }[]): string[] {
    const { intervals, routes, sinkNames } = this.config;
    const compiledRoutes = compiled(compileRoutes(routes, sinkNames.map(({ id }) => id), intervals));
    const found = intervals.flatMap((tier: Tier, i) =>
      sinks.map(({ id, table }) =>
        insertion(
          { id, rows: table.rows },
          { ...tier, number: i + 1 },
          compiledRoutes.ofLength(tier.lengthMs).rules,
          this.name,
        )
      )
    ).filter((statement) => statement !== undefined);
    if (found.length === 0) throw new Cannot("ROUTES sends nothing to the sinks that Flink can write to.");
    return found;
  }

  private terms(): FlinkTerms {
    const { endsWhenRead, secret } = this.options;
    return { job: this.name, endsWhenRead, secret, offsets: undefined };
  }

  /** The variables of a sink with an id of its own have a prefix. */
  private secretOf(sink: SinkConfig): FlinkTerms["secret"] {
    const prefix = prefixOfSink(sink);
    return (variable, value) => this.options.secret(prefix + variable, value);
  }

  private note(options: FlinkSinkTable["options"]): void {
    for (const [name, value] of options) if (name === "connector") this.connectors.add(value);
  }

  private leave(sentence: string): void {
    this.leftOut.push(sentence);
  }
}

/** What was compiled before without a fault. */
function compiled<T>(result: { readonly ok: T } | { readonly faults: readonly string[] }): T {
  if ("faults" in result) throw new Error(result.faults.join("; "));
  return result.ok;
}
