import { NAME_MAX_CHARACTERS } from "../event/event.ts";
import type { EventBatch } from "../event/event_batch.ts";
import { LABELS_MAX, SERIES_MAX_BYTES } from "../event/labels.ts";
import { ID_MAX_BYTES } from "./append_event.ts";
import {
  columnAddress,
  eventsMax,
  keysAddress,
  keysBytes,
  memory,
  paddingBytes,
  pieceAddress,
  pieceBytes,
  prepare,
  readBytes,
  scan,
} from "./plain_events.wasm";

const PIECE_BYTES = pieceBytes();
const PADDING_BYTES = paddingBytes();
const EVENTS_MAX = eventsMax();
/** Where less of a piece is left, an event may be cut off by its end. */
const EVENT_BYTES = 1024;
/** How many elements are passed over at most before an event is tried again. */
const PASSED_OVER_MAX = 256;

/** In the order of the module. */
const INTEGERS = [
  "position",
  "rawStart",
  "rawEnd",
  "nameStart",
  "nameLength",
  "nameHash",
  "functionId",
  "idStart",
  "idLength",
  "idHash",
] as const;
const FLOATS = ["value", "timeMs"] as const;

const { buffer } = memory;
const piece = new Uint8Array(buffer, pieceAddress(), PIECE_BYTES + PADDING_BYTES);
const integers = INTEGERS.map((name, i) =>
  [name, new Int32Array(buffer, columnAddress(i), EVENTS_MAX)] as const
);
const floats = FLOATS.map((name, i) =>
  [name, new Float64Array(buffer, columnAddress(INTEGERS.length + i), EVENTS_MAX)] as const
);
/** The keys are no longer than the events, but for a zero in each. */
const keys = new Uint8Array(buffer, keysAddress(), PIECE_BYTES + EVENTS_MAX);
prepare(NAME_MAX_CHARACTERS, ID_MAX_BYTES, LABELS_MAX, SERIES_MAX_BYTES);
/** Whose bytes are in `piece`. */
let owner: PlainRun | undefined;

/**
 * Scans events in a row by WebAssembly, which takes half of the time of `EventScanner.scanPlain`. Its module
 * reads a copy of the bytes piece by piece, so that it needs little memory, which stays in the cache.
 */
export class PlainRun {
  private start = 0;
  private end = 0;
  /** Calls in a row that found no event, and how many more are to find none without a look. */
  private inVain = 0;
  private passedOver = 0;

  /** @param separator What stands after each event. */
  constructor(
    private readonly bytes: Uint8Array,
    private readonly batch: EventBatch,
    private readonly separator: "," | "\n",
  ) {}

  /**
   * Adds the events from `at` on to the batch, each with the separator after it, and `max` at most. Stops
   * before the first element that is anything else, such as an empty line. Returns where it begins.
   */
  scan(at: number, max: number): number {
    if (this.passedOver > 0) {
      this.passedOver--;
      return at;
    }
    const { batch, bytes } = this;
    const separator = this.separator.charCodeAt(0);
    const before = batch.total;
    while (max > 0) {
      const isNew = owner !== this || at >= this.end;
      if (isNew) this.load(at);
      const events = scan(
        at - this.start,
        this.start,
        batch.total,
        Math.min(max, EVENTS_MAX),
        separator,
        batch.extraLength,
      );
      this.take(events);
      max -= events;
      at = this.start + readBytes();
      if (events === EVENTS_MAX) continue;
      const isCutOff = this.end < bytes.length && this.end - at < EVENT_BYTES;
      if (!isCutOff || (isNew && events === 0)) break;
      this.load(at);
    }
    this.inVain = batch.total > before ? 0 : this.inVain + 1;
    if (this.inVain > 1) this.passedOver = Math.min(2 ** this.inVain, PASSED_OVER_MAX);
    return at;
  }

  private load(at: number): void {
    owner = this;
    this.start = at;
    this.end = Math.min(at + PIECE_BYTES, this.bytes.length);
    const length = this.end - at;
    piece.set(this.bytes.subarray(at, this.end));
    piece.fill(0, length, length + PADDING_BYTES);
  }

  private take(events: number): void {
    const { batch } = this;
    batch.reserve(events);
    for (const [name, values] of integers) batch[name].set(values.subarray(0, events), batch.count);
    for (const [name, values] of floats) batch[name].set(values.subarray(0, events), batch.count);
    batch.count += events;
    batch.total += events;
    const bytes = keysBytes();
    if (bytes === 0) return;
    batch.reserveExtra(bytes);
    batch.extra.set(keys.subarray(0, bytes), batch.extraLength);
    batch.extraLength += bytes;
  }
}
