/** A reader of followed files that starts again and again, and a writer that rotates them in every way. */
import assert from "node:assert/strict";
import { readerFor } from "../../../src/codec/mapping/record_reader.ts";
import type { Partition, PartitionId, Progress } from "../../../src/contract/source.ts";
import { EventBatch } from "../../../src/event/event_batch.ts";
import { LogHistory } from "../../../src/event/log_history.ts";
import type { Clock } from "../../../src/platform/clock/clock.ts";
import { FileSource } from "../../../src/sources/file/file_source.ts";
import { namesOf } from "../../contract/source_reading.ts";
import { eventText } from "./written_files.ts";
import { SILENT } from "../../support/logs.ts";

const NEVER = new AbortController().signal;
const QUIET = SILENT;
/** Longer than a renamed file stays open. */
export const LONG_MS = 61_000;
/** More than a file is known by, and no record. */
const BANNER = "\n".repeat(1500);

/** Its time goes on when it is told to. */
class StepClock implements Clock {
  private ms = 0;
  private wake = () => {};
  private asleep = Promise.withResolvers<void>();

  nowMs = () => 1_000_000;
  monotonicMs = () => this.ms;

  sleep(_ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
      signal.addEventListener("abort", () => resolve());
      this.asleep.resolve();
    });
  }

  /** Wakes whoever sleeps, and waits until it sleeps again. */
  async step(ms: number): Promise<void> {
    await this.asleep.promise;
    this.asleep = Promise.withResolvers();
    this.ms += ms;
    this.wake();
    await this.asleep.promise;
  }
}

/** Reads as the product does: what was read and how far are kept together. */
export class Follower {
  readonly lines: string[] = [];
  private readonly progress = new Map<PartitionId, Progress>();
  private partitions: readonly Partition[] = [];
  private clock = new StepClock();
  private source: FileSource;

  constructor(private readonly pattern: string) {
    this.source = this.newSource();
  }

  async start(): Promise<void> {
    this.clock = new StepClock();
    this.source = this.newSource();
    const resume = new Map([...this.progress].map(([id, { position }]) => [id, position!]));
    const changed = (partitions: readonly Partition[]) => this.partitions = partitions;
    const lineages = { readerOf: () => undefined, isKnown: () => false };
    const none = {
      arrived: () => {},
      heardTime: () => {},
      withheld: () => {},
      mayReadAhead: () => true,
      lineages,
    };
    const { clock } = this;
    this.partitions = await this.source.open({ ...none, resume, changed, clock, logger: QUIET });
  }

  async stop(): Promise<void> {
    await this.source.close();
  }

  /** Looks for what has come and gone. */
  async look(ms = 1000): Promise<void> {
    await this.clock.step(ms);
  }

  /** Each partition, that many times; to the ends by default. */
  async read(times = Infinity): Promise<void> {
    const ids = this.partitions.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length, "two partitions of one id");
    for (const partition of this.partitions) {
      for (let i = 0; i < times && await this.readOnce(partition); i++);
    }
  }

  private async readOnce(partition: Partition): Promise<boolean> {
    const from = this.progress.get(partition.id) ??
      { lineage: undefined, position: undefined, history: new LogHistory() };
    const batch = new EventBatch();
    const outcome = await partition.read(from, batch, { limit: 3, waitMs: 0, isAfterRest: false }, NEVER);
    assert.ok(outcome.kind === "events" || outcome.kind === "idle" || outcome.kind === "gap");
    if (outcome.kind === "events") {
      assert.equal(batch.invalid.length, 0, "a part of a line was read");
      this.lines.push(...namesOf(batch));
    }
    this.progress.set(partition.id, { ...from, position: outcome.next });
    return outcome.kind !== "idle";
  }

  private newSource(): FileSource {
    const texts = { name: undefined, value: undefined, timestamp: undefined, timeUnit: undefined };
    const reader = readerFor({ format: undefined, ...texts });
    return new FileSource(`file://${this.pattern}`, this.pattern, { reader, isFollowed: true });
  }
}

/** Writes lines, each once, and rotates its file. */
export class Writer {
  written = 0;
  /** Whether its file has lines of another one that may not be read yet. */
  isCopied = false;
  private rotations = 0;
  /** A line whose line break is not written yet. */
  private isOpen = false;

  /** @param rotated Under which name a file is kept: one that the pattern matches, or not. */
  constructor(private readonly directory: string, private readonly rotated: (number: number) => string) {}

  get path(): string {
    return `${this.directory}/app.log`;
  }

  async append(count: number, path = this.path): Promise<void> {
    let text = this.isOpen ? "\n" : "";
    for (let i = 0; i < count; i++) text += eventText(this.written++);
    this.isOpen = false;
    await Deno.writeTextFile(path, text, { append: true });
  }

  async appendOpenLine(): Promise<void> {
    await this.append(1);
    const { size } = await Deno.stat(this.path);
    await Deno.truncate(this.path, size - 1);
    this.isOpen = true;
  }

  async endLine(): Promise<void> {
    if (this.isOpen) await this.append(0);
  }

  /** Whoever has it open writes to it for a while under its new name. */
  async rename(name: string, count: number): Promise<void> {
    await Deno.rename(this.path, name);
    if (count > 0) await this.append(count, name);
    this.isOpen = false;
  }

  /** @param hasBanner Whether all of these files begin alike. */
  async create(count: number, hasBanner: boolean): Promise<void> {
    await Deno.writeTextFile(this.path, hasBanner ? BANNER : "");
    if (count > 0) await this.append(count);
  }

  rotatedName(): string {
    return `${this.directory}/${this.rotated(this.rotations++)}`;
  }

  /** A name that no pattern matches. */
  awayName(): string {
    return `${this.directory}/away.${this.rotations++}`;
  }

  /** As an editor saves, or rsync: another file of the same lines and more takes the name. */
  async replace(count: number): Promise<void> {
    const other = `${this.directory}/.new`;
    await Deno.copyFile(this.path, other);
    await this.append(count, other);
    await Deno.rename(other, this.path);
    this.isCopied = true;
  }

  async copyBack(): Promise<void> {
    const away = this.awayName();
    await Deno.rename(this.path, away);
    await Deno.copyFile(away, this.path);
    this.isCopied = true;
  }

  async moveThereAndBack(between: () => Promise<void>): Promise<void> {
    const away = this.awayName();
    await Deno.rename(this.path, away);
    await between();
    await Deno.rename(away, this.path);
  }

  async truncate(): Promise<void> {
    await Deno.copyFile(this.path, this.awayName());
    await Deno.truncate(this.path, 0);
    this.isOpen = false;
  }

  /** A new file may get the number of the one that was deleted. */
  async delete(): Promise<void> {
    await Deno.remove(this.path);
    this.isOpen = false;
  }

  /** A second name of the file, for a while. */
  async link(between: () => Promise<void>, isSymbolic: boolean): Promise<void> {
    const other = `${this.path}.link`;
    if (isSymbolic) await Deno.symlink(this.path, other);
    else await Deno.link(this.path, other);
    await between();
    await Deno.remove(other);
  }
}
