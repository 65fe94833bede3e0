import type { LogHistory } from "../../event/log_history.ts";
import type { StateDatabase } from "../file/state_database.ts";
import type { BusPosition, CheckpointInput } from "./checkpoint_input.ts";
import { ColumnError, type ColumnWriter } from "./columns.ts";
import { dropHistories, writeHistory } from "./history_pages.ts";
import { type LeftLineage, readLeftLineages, writeLeftLineages } from "./lineages.ts";
import { readPartitions, writePartition } from "./partitions.ts";

/** Where a bus was when the last checkpoint was made. */
export interface RestoredPosition extends BusPosition {
  /** Greatest event time, Unix ms; -Infinity: there was none. */
  readonly greatestMs: number;
}

/** Keeps how far each bus was read, what was read of its log, and where the logs were left that no bus has now. */
export class PositionWriter {
  private readonly left = new Map<string, LeftLineage>();
  /** Those of them that the state does not have yet. */
  private readonly newlyLeft = new Set<string>();
  /** The logs of the buses as of the last checkpoint. */
  private savedLogs: string | undefined;

  constructor(private readonly state: StateDatabase, private readonly writer: ColumnWriter) {}

  /** Where the named buses are. @throws {ColumnError} The state is damaged. */
  restore(busNames: readonly string[]): RestoredPosition[] {
    const rows = readPartitions(this.state);
    for (const left of readLeftLineages(this.state)) this.left.set(left.lineage, left);
    for (const { source, lineage, position, greatest_ms: greatestMs } of rows) {
      if (lineage === null || busNames.includes(source)) continue;
      this.left.set(lineage, { lineage, position, greatestMs, source });
    }
    return busNames.map((name) => {
      const row = rows.find(({ source }) => source === name);
      return {
        name,
        log: row?.lineage ?? undefined,
        nextOffset: offsetOf(row?.position ?? null),
        greatestMs: row?.greatest_ms ?? -Infinity,
      };
    });
  }

  /** Where a log was left that no configured bus has now; undefined: it is not known. */
  leftLog(log: string): LeftLineage | undefined {
    return this.left.get(log);
  }

  /** Offset at which a log was left; undefined: at its oldest event. */
  static offsetAt({ position }: LeftLineage): number | undefined {
    return offsetOf(position);
  }

  /** A bus has another log now. @param greatestMs Greatest event time of the one before; -Infinity: there was none. */
  leave({ log, nextOffset }: BusPosition, greatestMs: number): void {
    if (log === undefined) return;
    const position = positionText(nextOffset);
    this.left.set(log, { lineage: log, position, greatestMs: timeOrNull(greatestMs), source: undefined });
    this.newlyLeft.add(log);
  }

  /** Writes where the buses are, within the transaction of the caller. @param greatestOf Greatest event time of a bus. */
  write({ buses, histories, nowMs }: CheckpointInput, greatestOf: (bus: number) => number): void {
    const { state } = this;
    writeLeftLineages(state, [...this.newlyLeft].map((log) => this.left.get(log)!), nowMs);
    buses.forEach(({ name, log, nextOffset }, number) => {
      const row = {
        source: name,
        partition: "",
        lineage: log ?? null,
        position: positionText(nextOffset),
        greatest_ms: timeOrNull(greatestOf(number)),
      };
      writePartition(state, row, number);
      const earlier = log === undefined ? undefined : this.left.get(log)?.source;
      if (earlier !== undefined) state.seal.remove("recent_ids", "source = ?", earlier);
    });
    this.writeHistories(buses, histories);
  }

  /** The transaction that {@link write} was part of is committed. */
  committed({ buses, histories }: CheckpointInput): void {
    for (const { log } of buses) if (log !== undefined) this.left.delete(log);
    this.newlyLeft.clear();
    for (const history of histories) history.saved();
    this.savedLogs = logsOf(buses);
  }

  private writeHistories(buses: readonly BusPosition[], histories: readonly LogHistory[]): void {
    histories.forEach((history, number) => {
      const { log } = buses[number]!;
      if (log !== undefined) writeHistory(this.state, log, history, this.writer);
    });
    if (logsOf(buses) !== this.savedLogs) dropHistories(this.state);
  }
}

function logsOf(buses: readonly BusPosition[]): string {
  return buses.map(({ log }) => log).join();
}

/** @throws {ColumnError} It is none. */
function offsetOf(position: string | null): number | undefined {
  if (position === null) return undefined;
  const offset = Number(position);
  if (!/^\d+$/.test(position) || !Number.isSafeInteger(offset)) {
    throw new ColumnError("a position is no offset");
  }
  return offset;
}

function positionText(offset: number | undefined): string | null {
  return offset === undefined ? null : `${offset}`;
}

function timeOrNull(timeMs: number): number | null {
  return timeMs === -Infinity ? null : timeMs;
}
