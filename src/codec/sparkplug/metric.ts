import type { WireReader } from "../protobuf/wire_reader.ts";
import { UNKNOWN_TYPE, type WireValue } from "./data_type.ts";

/** A number of 64 bits; digits of a signed one beyond 2^53. */
export type Wide = number | string;

/** The numbers of the fields that hold a value. */
interface ValueFields {
  readonly int: number;
  readonly long: number;
  readonly float: number;
  readonly double: number;
  readonly boolean: number;
  readonly string: number;
  /** Those behind it hold bytes and messages. */
  readonly last: number;
}

const NAME = 1;
const ALIAS = 2;
const TIMESTAMP = 3;
const TYPE = 4;
const IS_HISTORICAL = 5;
const IS_TRANSIENT = 6;
const IS_NULL = 7;
const PROPERTIES = 9;
const VALUE: ValueFields = { int: 10, long: 11, float: 12, double: 13, boolean: 14, string: 15, last: 19 };

const PROPERTY_KEYS = 1;
const PROPERTY_VALUES = 2;
const PROPERTY_TYPE = 1;
const PROPERTY_IS_NULL = 2;
const PROPERTY_VALUE: ValueFields = {
  int: 3,
  long: 4,
  float: 5,
  double: 6,
  boolean: 7,
  string: 8,
  last: 10,
};

/** A property as the wire has it. */
export interface Property {
  readonly type: number;
  readonly wire: WireValue;
}

/** A metric of a message, as the wire has it. It is filled anew for each. */
export class Metric {
  name: string | undefined;
  alias: Wide | undefined;
  /** Unix ms. */
  timeMs: number | undefined;
  type = UNKNOWN_TYPE;
  isHistorical = false;
  isTransient = false;
  isNull = false;
  wire: WireValue | undefined;
  properties: Map<string, Property> | undefined;

  /**
   * Reads the metric that the reader has entered.
   *
   * @param wanted The properties that are read.
   * @throws {PushError}
   */
  read(reader: WireReader, wanted: ReadonlySet<string>): void {
    this.clear();
    while (reader.next()) {
      switch (reader.field) {
        case NAME:
          this.name = textOf(reader, "a name");
          break;
        case ALIAS:
          this.alias = wide(reader);
          break;
        case TIMESTAMP:
          this.timeMs = reader.uint64();
          break;
        case TYPE:
          this.type = reader.uint32();
          break;
        case IS_HISTORICAL:
          this.isHistorical = reader.uint64() !== 0;
          break;
        case IS_TRANSIENT:
          this.isTransient = reader.uint64() !== 0;
          break;
        case IS_NULL:
          this.isNull = reader.uint64() !== 0;
          break;
        case PROPERTIES:
          this.properties = readProperties(reader, wanted);
          break;
        default:
          this.wire = readValue(reader, VALUE) ?? this.wire;
      }
    }
  }

  private clear(): void {
    this.name = undefined;
    this.alias = undefined;
    this.timeMs = undefined;
    this.type = UNKNOWN_TYPE;
    this.isHistorical = false;
    this.isTransient = false;
    this.isNull = false;
    this.wire = undefined;
    this.properties = undefined;
  }
}

/** Undefined: the present field, which is passed over, is no value. */
function readValue(reader: WireReader, fields: ValueFields): WireValue | undefined {
  switch (reader.field) {
    case fields.int:
    case fields.long:
      return { field: "integer", value: wide(reader) };
    case fields.float:
      return { field: "decimal", value: reader.float() };
    case fields.double:
      return { field: "decimal", value: reader.double() };
    case fields.boolean:
      return { field: "boolean", value: reader.uint64() !== 0 };
    case fields.string:
      return { field: "text", value: textOf(reader, "a text") };
  }
  const isOther = reader.field > fields.string && reader.field <= fields.last;
  reader.skip();
  return isOther ? { field: "other" } : undefined;
}

function readProperties(
  reader: WireReader,
  wanted: ReadonlySet<string>,
): Map<string, Property> | undefined {
  const outer = reader.enter();
  const keys: string[] = [];
  const values: (Property | undefined)[] = [];
  while (reader.next()) {
    if (reader.field === PROPERTY_KEYS) keys.push(textOf(reader, "a key"));
    else if (reader.field === PROPERTY_VALUES) values.push(readProperty(reader));
    else reader.skip();
  }
  reader.leave(outer);
  let found: Map<string, Property> | undefined;
  for (const [i, key] of keys.entries()) {
    const value = values[i];
    if (value !== undefined && wanted.has(key)) (found ??= new Map()).set(key, value);
  }
  return found;
}

/** Undefined: the property is null, or no single value. */
function readProperty(reader: WireReader): Property | undefined {
  const outer = reader.enter();
  let type = UNKNOWN_TYPE;
  let isNull = false;
  let wire: WireValue | undefined;
  while (reader.next()) {
    if (reader.field === PROPERTY_TYPE) type = reader.uint32();
    else if (reader.field === PROPERTY_IS_NULL) isNull = reader.uint64() !== 0;
    else wire = readValue(reader, PROPERTY_VALUE) ?? wire;
  }
  reader.leave(outer);
  return isNull || wire === undefined || wire.field === "other" ? undefined : { type, wire };
}

/** Reads a number of 64 bits with all its digits. @throws {PushError} */
export function wide(reader: WireReader): Wide {
  const start = reader.at;
  const value = reader.uint64();
  if (Number.isSafeInteger(value)) return value;
  reader.at = start;
  return reader.int64Digits();
}

function textOf(reader: WireReader, what: string): string {
  const start = reader.at;
  const text = reader.text();
  if (text === undefined) throw reader.fault(`${what} that is not UTF-8`, start);
  return text;
}
