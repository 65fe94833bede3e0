import { canonicalLabels, LABELS_MAX, labelsProblem, SERIES_MAX_BYTES } from "../event/labels.ts";
import { nameProblem } from "./event_check.ts";
import type { PushedRecords } from "./push.ts";
import { PushError } from "./push_error.ts";

/** What is computed of an event where `AGG_FUNCTIONS` does not say. */
export type DefaultFunction = "sum" | "avg" | "min" | "max" | "last";

/** Bytes of the records of one request at most: a few bytes of it may stand for a series of 2,048. */
const RECORDS_MAX_BYTES = 64 * 1024 * 1024;
/** What a refusal takes of that, so that the work for what is refused is bounded as well. */
const REFUSAL_BYTES = 512;
/** A run has so many characters, and one record more at most. */
const RUN_CHARACTERS = 64 * 1024;
const ENCODER = new TextEncoder();

/** Labels of a series that is read, or what is wrong with them. */
export class PushedLabels {
  private readonly labels: Record<string, string> = Object.create(null);
  private count = 0;
  private characters = 0;
  /** For the sender; undefined: nothing. */
  problem: string | undefined;

  /** Adds all of others, for keys that it has not. */
  inherit(others: PushedLabels): void {
    this.problem ??= others.problem;
    for (const [key, value] of Object.entries(others.labels)) {
      if (!(key in this.labels)) this.add(key, value);
    }
  }

  /** A label of which one part is undefined is not UTF-8. */
  add(key: string | undefined, value: string | undefined): void {
    if (this.problem !== undefined) return;
    if (key === undefined || value === undefined) this.problem = "a label that is not UTF-8";
    else if (key in this.labels) this.problem = "a label that is there twice";
    else if (++this.count > LABELS_MAX) this.problem = `more than ${LABELS_MAX} labels`;
    else if ((this.characters += key.length + value.length) > SERIES_MAX_BYTES) {
      // Checked as they come, so that the work for a series is bounded.
      this.problem = `name and labels longer than ${SERIES_MAX_BYTES} bytes together`;
    } else this.labels[key] = value;
  }

  with(key: string, value: string): PushedLabels {
    const more = new PushedLabels();
    more.inherit(this);
    more.add(key, value);
    return more;
  }

  /** The same with all keys, checked together with the name. */
  problemWith(name: string): string | undefined {
    return this.problem ?? nameProblem(name) ?? labelsProblem(name, this.labels);
  }

  canonical(): string {
    return canonicalLabels(this.labels);
  }
}

/** A series that was checked: what all of its records begin with. */
export class PushedSeries {
  readonly bytes: number;

  private constructor(readonly head: string) {
    this.bytes = ENCODER.encode(head).length;
  }

  /** A text: what is wrong with it. */
  static of(name: string, labels: PushedLabels, usual: DefaultFunction): PushedSeries | string {
    const problem = labels.problemWith(name);
    if (problem !== undefined) return problem;
    const canonical = labels.canonical();
    const labelsText = canonical === "" ? "" : `"labels":${canonical},`;
    return new PushedSeries(
      `{"name":${JSON.stringify(name)},${labelsText}"default_func":"${usual}","value":`,
    );
  }
}

/**
 * The events of a request, as records of protocol v1 that say what is computed of them by default. Records
 * are joined by commas.
 */
export class PushedEvents {
  private size = 0;
  private refusedBytes = 0;
  /** Records that are not in a run yet, and where each ends. */
  private pending = "";
  private ends: number[] = [];
  private pendingBytes = 0;
  private readonly runs: PushedRecords[] = [];

  constructor(private readonly maxBytes = RECORDS_MAX_BYTES) {}

  /** Bytes of all records so far. */
  get bytes(): number {
    return this.size;
  }

  /**
   * @param value Finite.
   * @param timeMs Unix ms, not negative.
   * @throws {PushError} They are too many.
   */
  add(series: PushedSeries, value: number, timeMs: number): void {
    const rest = `${value},"timestamp":${timeMs / 1000}}`;
    const separator = this.ends.length === 0 ? "" : ",";
    const bytes = separator.length + series.bytes + rest.length;
    this.size += bytes;
    this.checkSize();
    this.ends.push(this.pendingBytes += bytes);
    this.pending += separator + series.head + rest;
    if (this.pending.length >= RUN_CHARACTERS) this.endRun();
  }

  /** Something else was refused. @throws {PushError} They are too many. */
  refused(): void {
    this.refusedBytes += REFUSAL_BYTES;
    this.checkSize();
  }

  /** All records. */
  records(): readonly PushedRecords[] {
    if (this.ends.length > 0) this.endRun();
    return this.runs;
  }

  private endRun(): void {
    this.runs.push({ bytes: ENCODER.encode(this.pending), ends: Uint32Array.from(this.ends) });
    this.pending = "";
    this.ends = [];
    this.pendingBytes = 0;
  }

  private checkSize(): void {
    if (this.size + this.refusedBytes <= this.maxBytes) return;
    throw new PushError(
      413,
      `the events of the body would take more than ${this.maxBytes} bytes; send them in several requests`,
    );
  }
}
