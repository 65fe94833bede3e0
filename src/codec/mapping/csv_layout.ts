import type { AloneText } from "../../event/event_batch.ts";
import { CsvHeader, HEADER_MAX } from "./csv_header.ts";
import { otherColumns, rowReadings } from "./csv_readings.ts";
import { rowAt } from "./csv_rows.ts";
import type { EventMapping } from "./event_mapping.ts";
import type { Pointer } from "./template.ts";

let layouts = 0;

/** What a byte is in a cell; 2: a part of a character that is not ASCII. */
export const IN_CELL = 0;
export const ENDS_CELL = 1;

/** By a byte: what it is in a cell that characters end. */
export function byteKinds(ends: string): Uint8Array {
  return Uint8Array.from(
    { length: 256 },
    (_, byte) => byte >= 0x80 ? 2 : ends.includes(String.fromCharCode(byte)) ? ENDS_CELL : IN_CELL,
  );
}

/** Where in the rows under one header is what a mapping looks for. */
export class CsvLayout {
  /** Of this layout alone. */
  readonly number = ++layouts;
  /** A byte. */
  readonly separator: number;
  /** By a byte: what it is in a cell without quotes. */
  readonly byteKinds: Uint8Array;
  readonly columns: number;
  readonly isWide: boolean;
  /** The columns that may have a value. */
  readonly values: readonly number[];
  /** The columns that name and labels are made of. */
  readonly seriesColumns: Int32Array;
  /** Less than 0: there is no such column. */
  readonly time: number;
  readonly function: number;
  readonly id: number;

  /** @param bytes Of the header, without quotes, in UTF-8. Undefined: no row under it is an event. */
  static of(bytes: Uint8Array, mapping: EventMapping): CsvLayout | undefined {
    if (bytes.length > HEADER_MAX) return undefined;
    const header = CsvHeader.of(DECODER.decode(bytes));
    const { value, timestamp } = mapping;
    const isMissing = (part: unknown) =>
      typeof part === "object" && header.indexOf(part as Pointer) === undefined;
    return isMissing(value) || isMissing(timestamp) ? undefined : new CsvLayout(bytes, header, mapping);
  }

  private constructor(
    readonly bytes: Uint8Array,
    readonly header: CsvHeader,
    private readonly mapping: EventMapping,
  ) {
    const { value, timestamp, name, labels } = mapping;
    const column = (pointer: Pointer | undefined) => (pointer && header.indexOf(pointer)) ?? -1;
    const rules = typeof labels === "object" && !("tokens" in labels) ? labels : [];
    const holes = [name, ...rules.map(({ template }) => template)].flatMap(({ parts }) => parts);
    this.separator = header.separator.charCodeAt(0);
    this.byteKinds = byteKinds(`${header.separator}\r\n`);
    this.columns = header.row.cells.length;
    this.isWide = value === "*";
    const others = otherColumns(header, mapping);
    this.values = value === "*"
      ? header.row.cells.flatMap((_, i) => others.has(i) ? [] : [i])
      : [column(value)];
    const inHoles = holes.map((hole) =>
      typeof hole === "object" && hole.kind === "pointer" ? column(hole.pointer) : -1
    );
    this.seriesColumns = Int32Array.from(new Set(inHoles.filter((one) => one >= 0)));
    this.time = typeof timestamp === "object" ? column(timestamp) : -1;
    this.function = column(mapping.function);
    this.id = column(mapping.id);
  }

  /**
   * What the slow path would keep of an event. Its row was read last, where several of its events are asked
   * for.
   */
  readonly alone: AloneText = (batch, event) => {
    const start = batch.lineStart[event]!;
    const { row } = this;
    if (row.filling !== batch.filling || row.start !== start) {
      const from = start >= 0 ? start : ~start;
      const bytes = (start >= 0 ? batch.bytes : batch.extra).subarray(from, from + batch.lineLength[event]!);
      const found = rowAt(DECODER.decode(bytes), 0, this.header.separator);
      const readings = rowReadings(found, this.header, this.mapping, { arrivedMs: 0 });
      this.row = { filling: batch.filling, start, alone: Array.from(readings, ({ alone }) => alone!) };
    }
    return this.row.alone[batch.lineEvent[event]!]!();
  };
  private row: { filling: number; start: number; alone: (() => string)[] } = {
    filling: 0,
    start: 0,
    alone: [],
  };
}

const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });
