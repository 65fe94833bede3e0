import type { Aggregate } from "../aggregation/aggregate.ts";
import {
  type OutboxBatch,
  type OutboxId,
  type Repeat,
  type Sink,
  type SinkContext,
  SinkError,
} from "../contract/sink.ts";
import type { DeletedRows, FoundRows, ReadBack } from "../contract/read_back.ts";
import type { LogFields, Logger } from "../platform/log/logger.ts";

/** Changes what a part says: the names of settings into the operator's names, and what nobody may see. */
export type Naming = (text: string) => string;

/**
 * A sink whose messages use the operator's names of its settings and have no secrets. The sink itself knows
 * the names of its kind, and a server may repeat the password that it was sent. Its log lines do not come
 * through here: it gets its logger from {@link namedLogger}.
 */
export class NamedSink implements Omit<Required<Sink>, "readBack"> {
  readonly readBack?: ReadBack;

  constructor(private readonly sink: Sink, private readonly named: Naming) {
    if (sink.readBack !== undefined) this.readBack = new NamedReadBack(sink.readBack, named);
  }

  get id(): string {
    return this.sink.id;
  }

  get repeat(): Repeat {
    return this.sink.repeat;
  }

  open(context: SinkContext, signal: AbortSignal): Promise<OutboxId> {
    const alarm: SinkContext["alarm"] = (alarm) =>
      context.alarm({ ...alarm, detail: this.named(alarm.detail) });
    return renamed(this.named, () => this.sink.open({ ...context, alarm }, signal));
  }

  write(batch: OutboxBatch, signal: AbortSignal): Promise<void> {
    return renamed(this.named, () => this.sink.write(batch, signal));
  }

  async probe(signal: AbortSignal): Promise<string> {
    return this.named(await renamed(this.named, () => this.sink.probe(signal)));
  }

  async keepAlive(nextId: OutboxId, signal: AbortSignal): Promise<void> {
    await renamed(this.named, () => this.sink.keepAlive?.(nextId, signal));
  }

  close(): Promise<void> {
    return this.sink.close();
  }
}

class NamedReadBack implements Required<ReadBack> {
  constructor(private readonly readBack: ReadBack, private readonly named: Naming) {}

  get cost(): ReadBack["cost"] {
    return this.readBack.cost;
  }

  sumOfCounts(...asked: Parameters<ReadBack["sumOfCounts"]>): Promise<number> {
    return renamed(this.named, () => this.readBack.sumOfCounts(...asked));
  }

  rowsOfWindow(...asked: Parameters<ReadBack["rowsOfWindow"]>): Promise<Aggregate[]> {
    return renamed(this.named, () => this.readBack.rowsOfWindow(...asked));
  }

  newest(...asked: Parameters<NonNullable<ReadBack["newest"]>>): Promise<Aggregate[]> {
    return renamed(this.named, () => this.readBack.newest?.(...asked) ?? []);
  }

  rowsOfSeries(...asked: Parameters<NonNullable<ReadBack["rowsOfSeries"]>>): Promise<FoundRows> {
    const nothing = (): FoundRows => ({ aggregates: [], reachedMs: asked[1].untilMs });
    return renamed(this.named, () => this.readBack.rowsOfSeries?.(...asked) ?? nothing());
  }

  deleted(instance: string, signal: AbortSignal): Promise<DeletedRows | undefined> {
    return renamed(this.named, () => this.readBack.deleted?.(instance, signal));
  }

  async flaws(...asked: Parameters<NonNullable<ReadBack["flaws"]>>): Promise<Iterable<string>> {
    const { named } = this;
    const found = await renamed(named, () => this.readBack.flaws?.(...asked)) ?? [];
    return (function* () {
      for (const flaw of found) yield named(flaw);
    })();
  }
}

/** A logger for a sink whose settings have other names for the operator. */
export function namedLogger(logger: Logger, named: Naming): Logger {
  const told = (fields: LogFields = {}) =>
    Object.fromEntries(
      Object.entries(fields).map(([key, value]) => [key, typeof value === "string" ? named(value) : value]),
    );
  return {
    debug: (message, fields) => logger.debug(named(message), told(fields)),
    info: (message, fields) => logger.info(named(message), told(fields)),
    warn: (message, fields) => logger.warn(named(message), told(fields)),
    error: (message, fields) => logger.error(named(message), told(fields)),
    child: (component) => namedLogger(logger.child(component), named),
  };
}

async function renamed<T>(named: Naming, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SinkError) error.message = named(error.message);
    throw error;
  }
}
