/** The data types of Sparkplug B by their numbers. */
const NAMES = [
  "Unknown",
  "Int8",
  "Int16",
  "Int32",
  "Int64",
  "UInt8",
  "UInt16",
  "UInt32",
  "UInt64",
  "Float",
  "Double",
  "Boolean",
  "String",
  "DateTime",
  "Text",
  "UUID",
  "DataSet",
  "Bytes",
  "File",
  "Template",
] as const;

export const UNKNOWN_TYPE = 0;
const INT8 = 1;
const INT64 = 4;
const UINT8 = 5;
const UINT64 = 8;
const FLOAT = 9;
export const DOUBLE = 10;
export const BOOLEAN = 11;

/** Whether the values of a type are numbers here. Booleans are 0 and 1. */
export function isNumeric(type: number): boolean {
  return type >= INT8 && type <= BOOLEAN;
}

/** The name of a type, for messages and dead letters. */
export function typeName(type: number): string {
  return NAMES[type] ?? `type ${type}`;
}

/** A value as the wire has it, with the field of a metric or property that it stands in. */
export type WireValue =
  /** `int_value` or `long_value`; digits of a signed number beyond 2^53. */
  | { readonly field: "integer"; readonly value: number | string }
  | { readonly field: "decimal"; readonly value: number }
  | { readonly field: "boolean"; readonly value: boolean }
  | { readonly field: "text"; readonly value: string }
  /** Bytes, data sets, templates. */
  | { readonly field: "other" };

/** Why a value cannot be read as its type says. */
export class Misfit {
  /** @param problem As the rest of a sentence whose subject is the metric. */
  constructor(readonly problem: string) {}
}

/**
 * The number of a value with a type that {@link isNumeric}: as digits where a double does not keep it.
 *
 * Integers of up to 32 bits stand as two's complement in a field without a sign. Some encoders fill it up
 * with the sign to 32 bits or 64, others do not.
 */
export function numberOf(type: number, wire: WireValue): number | string | boolean | Misfit {
  if (type === BOOLEAN && wire.field === "boolean") return wire.value;
  if ((type === FLOAT || type === DOUBLE) && wire.field === "decimal") return wire.value;
  if (type <= UINT64 && wire.field === "integer") return integerOf(type, wire.value);
  return new Misfit(`has a value that is none of its type, ${typeName(type)}`);
}

function integerOf(type: number, wire: number | string): number | string | Misfit {
  const isSigned = type <= INT64;
  if (type === INT64 || type === UINT64) {
    if (typeof wire === "number") return wire;
    return isSigned ? plain(wire) : plain(BigInt.asUintN(64, BigInt(wire)).toString());
  }
  const bits = 8 << (type - (isSigned ? INT8 : UINT8));
  const value = typeof wire === "string" ? Number(wire) : wire;
  const range = 2 ** bits;
  if (!isSigned) return value >= 0 && value < range ? value : outOf(type);
  if (value >= 0 && value < range) return value < range / 2 ? value : value - range;
  // Filled up with the sign: to 32 bits, or to 64, which came as a signed number.
  const signed = value >= 0 && value < 2 ** 32 ? value - 2 ** 32 : value;
  return signed < 0 && signed >= -range / 2 ? signed : outOf(type);
}

/** A number beyond 2^53 keeps its digits; a small negative one needs none. */
function plain(digits: string): number | string {
  const value = Number(digits);
  return Number.isSafeInteger(value) ? value : digits;
}

function outOf(type: number): Misfit {
  return new Misfit(`has a value out of the range of its type, ${typeName(type)}`);
}
