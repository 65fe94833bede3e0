import type { UpstreamTraces } from "./upstream_traces.ts";

/** An element of a reply that is not a valid event, and what is wrong with it. */
export interface InvalidEvent {
  /** Position in the reply. */
  readonly index: number;
  /** What is wrong, for the operator. */
  readonly detail: string;
}

/** What a bus tells of a record beyond its bytes. What it does not tell is undefined. */
export interface RecordOrigin {
  /** Its number at the bus. Of a file, the byte of the content where it begins. */
  readonly offset?: number | undefined;
  /** The file that it is in. */
  readonly path?: string | undefined;
  readonly topic?: string | undefined;
  /** What separates the levels of the topic; undefined: a slash. */
  readonly separator?: string | undefined;
  readonly key?: string | undefined;
  /** Whether it is an event of protocol v1, whatever mapping the settings have. */
  readonly isEvent?: boolean | undefined;
  /** When the bus got it, Unix ms. */
  readonly busMs?: number | undefined;
}

/** Makes the text of a record that holds one event of a batch alone. */
export type AloneText = (batch: EventBatch, event: number) => string;

/** The columns of {@link EventBatch} that hold a whole number for each event. */
export const INT_COLUMNS = [
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
  "lineStart",
  "lineLength",
  "lineEvent",
] as const;

/**
 * The events of one reply in columns. The columns are refilled for every reply, so that the hot path
 * allocates nothing.
 *
 * Text is not decoded. A name or id is a range of `bytes`, the reply itself. Where its start is negative, it
 * is a range of `extra` at `~start`: text that was escaped, or not ASCII, in the reply. Either way it is
 * UTF-8. The name of an event with labels is the key of its series, see `labels.ts`.
 */
export class EventBatch {
  bytes: Uint8Array = new Uint8Array();
  extra: Uint8Array = new Uint8Array(1024);
  extraLength = 0;

  /** Records in the reply: each is one event, valid or not, unless records are {@link isMapped}. */
  total = 0;
  /**
   * Whether records are mapped to events by the settings. One record may then be several events, which all
   * have its position.
   */
  isMapped = false;
  /** Events, valid or not, beyond one for each record. */
  surplus = 0;
  /**
   * The unit of the timestamps, as units per second: 1000 for milliseconds; undefined: they are not numbers.
   */
  unitsPerSecond: number | undefined = 1;
  /**
   * By the index of an event: makes a record that holds this event alone. Missing where the event's own
   * record does.
   */
  readonly alone: (AloneText | undefined)[] = [];
  /** What the bus tells of a record, by its position in the reply; undefined: nothing. */
  originOf: ((position: number) => RecordOrigin) | undefined;
  /** The traces that the records of one read belong to; undefined: nobody asks for them. */
  upstream: UpstreamTraces | undefined;
  /**
   * A number for what the batch holds now, unique among all batches. It changes whenever the batch is
   * emptied.
   */
  filling = 0;
  /** Valid events: the length of each column below. */
  count = 0;
  /** Position of the event in the reply. */
  position = new Int32Array();
  /** The event's record in `bytes`. */
  rawStart = new Int32Array();
  rawEnd = new Int32Array();
  nameStart = new Int32Array();
  nameLength = new Int32Array();
  nameHash = new Int32Array();
  /** `UNNAMED`, or less: the event names no function, see `usually`. */
  functionId = new Int32Array();
  value = new Float64Array();
  /** Event time, whole Unix milliseconds. */
  timeMs = new Float64Array();
  idStart = new Int32Array();
  /** 0: the event has no id. */
  idLength = new Int32Array();
  idHash = new Int32Array();
  /** Where the line of an event is, as for a name; only for events with {@link alone}. */
  lineStart = new Int32Array();
  lineLength = new Int32Array();
  /** Index of the event among those of its line. */
  lineEvent = new Int32Array();

  readonly invalid: (InvalidEvent & {
    readonly rawStart: number;
    readonly rawEnd: number;
    /** Makes a record that holds this event alone. Missing where the event's own record does. */
    readonly alone?: (() => string) | undefined;
  })[] = [];

  /** Empties the batch for the events of `bytes`. */
  reset(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.filling = ++fillings;
    this.extraLength = 0;
    this.total = 0;
    this.isMapped = false;
    this.surplus = 0;
    this.unitsPerSecond = 1;
    // Shortened, it would be allocated anew for each reply.
    this.alone.fill(undefined);
    this.originOf = undefined;
    this.count = 0;
    this.invalid.length = 0;
  }

  /**
   * Frees the memory of the reply at once. The memory is outside of the garbage collector's heap, so the
   * collector would let a hundred megabytes of dead replies pile up. Afterwards the batch is empty and its
   * `bytes` cannot be used.
   */
  release(): void {
    const { buffer } = this.bytes;
    this.reset(new Uint8Array());
    if (buffer instanceof ArrayBuffer) buffer.transfer(0);
  }

  /**
   * The record of an event. Where it holds other events too, a record is made that holds this one alone.
   * Otherwise it is a view of `bytes`.
   */
  rawOf(event: number): Uint8Array {
    const alone = this.alone[event];
    return alone === undefined
      ? this.bytes.subarray(this.rawStart[event], this.rawEnd[event])
      : ENCODER.encode(alone(this, event));
  }

  /** The record of an invalid event, as by {@link rawOf}. */
  rawOfInvalid({ rawStart, rawEnd, alone }: EventBatch["invalid"][number]): Uint8Array {
    return alone === undefined ? this.bytes.subarray(rawStart, rawEnd) : ENCODER.encode(alone());
  }

  /** Makes room for more events. */
  reserve(events = 1): void {
    if (this.count + events <= this.position.length) return;
    const capacity = Math.max(1024, this.position.length * 2, this.count + events);
    for (const column of INT_COLUMNS) this[column] = grownInt32(this[column], capacity);
    this.value = grownFloat64(this.value, capacity);
    this.timeMs = grownFloat64(this.timeMs, capacity);
  }

  /** Makes room for that many bytes in `extra`. */
  reserveExtra(bytes: number): void {
    if (this.extraLength + bytes <= this.extra.length) return;
    const grown = new Uint8Array(Math.max(this.extra.length * 2, this.extraLength + bytes));
    grown.set(this.extra.subarray(0, this.extraLength));
    this.extra = grown;
  }

  /**
   * Adds decoded text to `extra` as UTF-8. Returns its start as the columns hold it (negative), and its
   * length in bytes.
   */
  appendExtra(text: string): { start: number; length: number } {
    this.reserveExtra(text.length * 3);
    const { written } = ENCODER.encodeInto(text, this.extra.subarray(this.extraLength));
    const start = ~this.extraLength;
    this.extraLength += written;
    return { start, length: written };
  }
}

const ENCODER = new TextEncoder();
let fillings = 0;

function grownInt32(column: Int32Array<ArrayBuffer>, capacity: number): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(capacity);
  grown.set(column);
  return grown;
}

function grownFloat64(column: Float64Array<ArrayBuffer>, capacity: number): Float64Array<ArrayBuffer> {
  const grown = new Float64Array(capacity);
  grown.set(column);
  return grown;
}
