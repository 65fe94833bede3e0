import type { RecordFormat, RecordRun } from "../../../src/sources/listen/decoder.ts";

/** A run of these records. */
export function runOf(...texts: readonly string[]): RecordRun {
  return formatted("json", ...texts);
}

export function formatted(format: RecordFormat, ...texts: readonly string[]): RecordRun {
  const encoded = texts.map((text) => new TextEncoder().encode(text));
  let length = -1;
  const ends = Uint32Array.from(encoded, (bytes) => length += bytes.length + 1);
  return { format, topic: undefined, records: { bytes: new TextEncoder().encode(texts.join("\n")), ends } };
}
