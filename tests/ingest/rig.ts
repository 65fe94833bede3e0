import type { Clock } from "../../src/platform/clock/clock.ts";
import type { Config } from "../../src/settings/config.ts";
import { loadConfig } from "../settings/sources.ts";
import { type Core, openCore } from "../../src/runtime/core.ts";
import { type IngestObserver, UNOBSERVED } from "../../src/ingest/ingest_options.ts";
import { SharedContents } from "../../src/ingest/shared_contents.ts";
import { SourceReader } from "../../src/ingest/source_reader.ts";
import { type Logger } from "../../src/platform/log/logger.ts";
import type { DeadLetterBound } from "../../src/state/letters/dead_letter_bound.ts";
import type { Source } from "../../src/contract/source.ts";
import type { BusLog, FetchReply, FetchRequest } from "../../src/sources/vabus/bus_log.ts";
import { LogSource } from "../../src/sources/vabus/log_source.ts";
import { loggerTo } from "../support/logs.ts";

/** A clock for a single sleeper: each sleep moves it. */
export class LoneClock implements Clock {
  constructor(public ms: number) {}
  nowMs = () => this.ms;
  monotonicMs = () => this.ms;
  sleep = (ms: number): Promise<void> => {
    this.ms += ms;
    return Promise.resolve();
  };
}

/** A bus in memory. `intervene` may answer, throw, or return undefined to let the bus answer. */
export class MemorySource implements BusLog {
  log = "first-log";
  first = 0;
  events: string[] = [];
  readonly requests: FetchRequest[] = [];
  intervene: (request: FetchRequest) => FetchReply | undefined = () => undefined;

  constructor(readonly name = "http://bus") {}

  get next(): number {
    return this.first + this.events.length;
  }

  publish(...events: unknown[]): void {
    this.events.push(...events.map((event) => typeof event === "string" ? event : JSON.stringify(event)));
  }

  /** Forgets the oldest events. */
  trim(count: number): void {
    this.events.splice(0, count);
    this.first += count;
  }

  // deno-lint-ignore require-await
  async fetch(request: FetchRequest): Promise<FetchReply> {
    this.requests.push(request);
    return this.intervene(request) ?? this.answer(request);
  }

  answer({ offset = this.first, limit }: FetchRequest): FetchReply {
    const { log, first, next } = this;
    if (offset < first) return { kind: "trimmed", log, first, next };
    if (offset > next) return { kind: "reset", log, first, next };
    const events = this.events.slice(offset - first, offset - first + limit);
    return reply(log, offset, events);
  }

  look = (offset: number) =>
    Promise.resolve(this.answer({ offset, limit: 1, waitSeconds: 0, ack: undefined }));
  oldest = () => Promise.resolve({ log: this.log, offset: this.first });
  probe = () => Promise.resolve("memory");
  time = () => Promise.resolve(undefined);
  close = () => {};
}

export function reply(log: string, offset: number, events: readonly string[]): FetchReply {
  const text = `{"log":"${log}","offset":${offset},"next":${offset + events.length},"events":[${events}]}`;
  return { kind: "events", body: new TextEncoder().encode(text) };
}

/** The core of a handler on a state directory, without delivery. */
export interface Rig extends Disposable {
  readonly core: Core;
  readonly readers: readonly SourceReader[];
  readonly clock: LoneClock;
  readonly log: string[];
}

export function configFor(stateDir: string, flags: Record<string, string> = {}): Config {
  return loadConfig({
    flags: { STATE_DIR: stateDir, INSTANCE_ID: "rig", STORAGE_TYPE: "sqlite", ...flags },
    environment: {},
    envFile: undefined,
    workingDirectory: stateDir,
    hostName: "rig",
    isTerminal: false,
    readFile: () => undefined,
    distrust: () => undefined,
    isOpen: () => false,
  });
}

export function openRig(
  stateDir: string,
  buses: readonly (BusLog | Source)[],
  nowMs: number,
  flags: Record<string, string> = {},
  deadLetterBound?: DeadLetterBound,
  observer: IngestObserver = UNOBSERVED,
): Rig {
  const config = configFor(stateDir, { AGGREGATION_INTERVAL: "10", ALLOWED_LATENESS: "0", ...flags });
  const log: string[] = [];
  const logger: Logger = loggerTo(log);
  const clock = new LoneClock(nowMs);
  const sources = buses.map((bus) => "open" in bus ? bus : new LogSource(bus));
  const core = openCore(config, logger, {
    busNames: sources.map(({ id }) => id),
    forgetSinks: [],
    clock,
    builtAtMs: undefined,
    observer,
    ...(deadLetterBound && { deadLetterBound }),
  });
  const options = { batchSize: config.batchSize, waitMs: 1000 };
  const contents = new SharedContents(sources.length);
  const readers = sources.map((source, bus) =>
    new SourceReader(source, bus, core.ingest, options, clock, () => 0.5, logger, contents)
  );
  return { core, readers, clock, log, [Symbol.dispose]: () => core.state.close() };
}

/** Offset below which everything is in a committed checkpoint. */
export function durableOffset({ core }: Rig, number = 0): number | undefined {
  const { committed, progress } = core.ingest.partitions[number]!;
  if (committed.lineage !== progress.lineage || committed.position === undefined) return undefined;
  return Math.min(Number(committed.position), Number(progress.position ?? Infinity));
}

/** Offset of the next event to be read. */
export function nextOffset({ core }: Rig, number = 0): number | undefined {
  const { position } = core.ingest.partitions[number]!.progress;
  return position === undefined ? undefined : Number(position);
}

/** What the outbox holds for the sink, the newest revision of each aggregate. */
export function outboxRows({ core }: Rig): { name: string; start: number; value: number; count: number }[] {
  const rows = new Map<string, { name: string; start: number; value: number; count: number }>();
  let from = 0;
  for (let batch; (batch = core.outbox.read("sqlite", from, 1000)); from = batch.nextId) {
    for (const { name, windowStartMs, value, count } of batch.aggregates) {
      rows.set(`${name} ${windowStartMs}`, { name, start: windowStartMs / 1000, value, count });
    }
  }
  return [...rows.values()].sort((a, b) => a.start - b.start || (a.name < b.name ? -1 : 1));
}
