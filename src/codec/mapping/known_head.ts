import type { CheckedEvent } from "../event_check.ts";
import { isAt } from "./byte_cache.ts";
import { keyOfSeries, KnownSeries } from "./known_series.ts";

/** A field of a measurement with its tags, and the series that it is. */
export class KnownField extends KnownSeries {
  /** The field that was added after it. */
  next: KnownField | undefined;

  /** @param name Best the same object for the fields of all heads: it stays in the processor's cache. */
  constructor(readonly name: Uint8Array, event: Pick<CheckedEvent, "name" | "labels">) {
    super(keyOfSeries(event));
  }
}

/** The fields of a measurement with its tags. */
export class KnownHead {
  /** Number of fields. */
  count = 0;
  private first: KnownField | undefined;
  private last: KnownField | undefined;

  add(field: KnownField): void {
    if (this.last === undefined) this.first = field;
    else this.last.next = field;
    this.last = field;
    this.count++;
  }

  /** @param before The field before it in the line: they mostly come in the same order. */
  find(
    bytes: Uint8Array,
    start: number,
    length: number,
    before: KnownField | undefined,
  ): KnownField | undefined {
    const expected = before === undefined ? this.first : before.next;
    if (expected !== undefined && isAt(expected.name, bytes, start, length)) return expected;
    for (let field = this.first; field !== undefined; field = field.next) {
      if (isAt(field.name, bytes, start, length)) return field;
    }
    return undefined;
  }
}
