/** An element that is not a valid event, as it came, with what is wrong with it. */
export interface InvalidEvent {
  /** Position in the reply. */
  readonly index: number;
  /** What is wrong, for the operator. */
  readonly detail: string;
}

/** A record in which an event of a batch is all there is. */
export type AloneText = (batch: EventBatch, event: number) => string;

/**
 * The events of one reply in columns. The columns are refilled for every reply, so that the hot path
 * allocates nothing.
 *
 * Text is not decoded. A name or id is a range of `bytes`, the reply itself. Where its start is negative, it
 * is a range of `extra` at `~start`: text that was escaped, or not ASCII, in the reply. Either way it is
 * UTF-8. The name of an event with labels is the key of its series, see `labels.ts`.
 */
export class EventBatch {
  bytes: Uint8Array = new Uint8Array(0);
  extra: Uint8Array = new Uint8Array(1024);
  extraLength = 0;

  /** Records in the reply: each is one event, valid or not, unless records are {@link isMapped}. */
  total = 0;
  /**
   * Whether it depends on settings what events the records are: then one may be several of them, with one
   * position.
   */
  isMapped = false;
  /** Events, valid or not, beyond one for each record. */
  surplus = 0;
  /** How many of the unit that times are read in are in a second; undefined: they are not counted. */
  unitsPerSecond: number | undefined = 1;
  /**
   * Of an event, by its column: makes a record that it is all of when it is asked for. Not there: its own one
   * is.
   */
  readonly alone: AloneText[] = [];
  /** Another number whenever any batch is emptied. */
  filling = 0;
  /** Valid events: the length of each column below. */
  count = 0;
  /** Position of the event in the reply. */
  position = new Int32Array(0);
  /** The event's record in `bytes`. */
  rawStart = new Int32Array(0);
  rawEnd = new Int32Array(0);
  nameStart = new Int32Array(0);
  nameLength = new Int32Array(0);
  nameHash = new Int32Array(0);
  /** `UNNAMED`: the event names no function. */
  functionId = new Int32Array(0);
  value = new Float64Array(0);
  /** Event time, whole Unix milliseconds. */
  timeMs = new Float64Array(0);
  idStart = new Int32Array(0);
  /** 0: the event has no id. */
  idLength = new Int32Array(0);
  idHash = new Int32Array(0);
  /** Of an event that is a part of a line, for {@link alone}: where the line is, as of a name. */
  lineStart = new Int32Array(0);
  lineLength = new Int32Array(0);
  /** Which of the events of the line it is. */
  lineEvent = new Int32Array(0);

  readonly invalid: (InvalidEvent & {
    readonly rawStart: number;
    readonly rawEnd: number;
    /** A record that it is all of, made when it is asked for. Not there: its own one is. */
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
    this.alone.length = 0;
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
    this.reset(new Uint8Array(0));
    if (buffer instanceof ArrayBuffer) buffer.transfer(0);
  }

  /**
   * The record of an event, or of the part of one that it is; a view of what the batch holds where it can be.
   */
  rawOf(event: number): Uint8Array {
    const alone = this.alone[event];
    return alone === undefined
      ? this.bytes.subarray(this.rawStart[event], this.rawEnd[event])
      : ENCODER.encode(alone(this, event));
  }

  /** The same of what is no event. */
  rawOfInvalid({ rawStart, rawEnd, alone }: EventBatch["invalid"][number]): Uint8Array {
    return alone === undefined ? this.bytes.subarray(rawStart, rawEnd) : ENCODER.encode(alone());
  }

  /** Makes room for one more event. */
  reserve(): void {
    if (this.count < this.position.length) return;
    const capacity = Math.max(1024, this.position.length * 2);
    const ints = [
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
    for (const column of ints) this[column] = grownInt32(this[column], capacity);
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

  /** Keeps decoded text as UTF-8 and returns its start as the columns hold it (negative). */
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
