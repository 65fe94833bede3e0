import { isUtf8 } from "node:buffer";
import { textStart } from "./byte_order_mark.ts";
import { LOG_ID_MAX_CHARACTERS } from "../contract/source.ts";
import { EventBatch } from "../event/event_batch.ts";
import { EventScanner } from "./event_scanner.ts";
import { ElementReader, type MappedRecords } from "./mapping/element_reader.ts";
import { BRACE_CLOSE, BRACE_OPEN, BRACKET_CLOSE, BRACKET_OPEN, COLON, COMMA } from "./ascii.ts";
import { isSpace, JsonBytes, ReplyFormatError } from "./json_bytes.ts";
import { PlainRun } from "./plain_run.ts";

/** The fields of a reply besides its events. */
export interface ReplyHeader {
  /** Identity of the event log. It is another one after the bus was reset. */
  readonly log: string;
  /** Offset of the first event in the reply. */
  readonly offset: number;
  /** Offset to ask for next. */
  readonly next: number;
}

/** More than the events that may be asked for at once. */
const EVENTS_MAX = 1_000_000;

/**
 * Scans a whole reply into `batch`, see {@link ReplyScanner}.
 *
 * @throws {ReplyFormatError} The batch is then empty or half filled and must not be used.
 */
export function scanReply(
  body: Uint8Array,
  batch: EventBatch,
  eventsMax = EVENTS_MAX,
  mapped?: MappedRecords,
): ReplyHeader {
  return new ReplyScanner(body, batch, eventsMax, mapped).readRest();
}

/** The header of a reply whose events are not read; undefined: it is not complete before the events. */
export function headOf(body: Uint8Array): ReplyHeader | undefined {
  return new ReplyScanner(body, new EventBatch()).readHead();
}

/**
 * Scans a reply `{"log","offset","next","events"}` from its bytes into `batch`, in one pass with a pause
 * between its header and its events, so that the next reply can be requested before this one is scanned.
 *
 * Events of the usual shape are read in place, without strings or objects, and those in a row by WebAssembly.
 * An event with anything else in it (escapes, non-ASCII text, exponents, unknown or repeated fields) is cut
 * out and read by `JSON.parse`. The result is the same as that of `JSON.parse` over the whole reply and
 * {@link checkEvent} over its events.
 *
 * An element of `events` ends at the comma or bracket that follows it outside of its own strings and
 * brackets. An element that is not JSON, or not UTF-8, is invalid, and the rest is read. Outside its elements
 * the reply must be JSON in UTF-8.
 */
export class ReplyScanner {
  private at: number;
  private readonly json: JsonBytes;
  private readonly events: EventScanner;
  /** Undefined: elements are mapped. */
  private readonly run: PlainRun | undefined;
  private readonly elements: ElementReader | undefined;
  private readonly fields = new Map<string, unknown>();
  /** Whether the fields before the events were read. */
  private hasHead = false;
  /** Their fault; undefined: there is none. */
  private failure: ReplyFormatError | undefined;
  /** Whether the scan pauses before the value of `events`. */
  private isAtEvents = false;

  /**
   * @param eventsMax How many events were asked for. A reply with more is refused, since the faults of any
   * number of events could fill the memory.
   * @param mapped How elements are mapped to events; undefined: each element is an event.
   */
  constructor(
    private readonly bytes: Uint8Array,
    private readonly batch: EventBatch,
    private readonly eventsMax = EVENTS_MAX,
    mapped?: MappedRecords,
  ) {
    this.at = textStart(bytes);
    batch.reset(bytes);
    this.json = new JsonBytes(bytes);
    this.events = new EventScanner(this.json, batch);
    this.run = mapped ? undefined : new PlainRun(bytes, batch, ",");
    this.elements = mapped && new ElementReader(mapped.reader, this.json, batch, mapped.context);
  }

  /**
   * The header of the reply before its events; undefined: it is not complete. {@link readRest} throws its
   * faults.
   */
  readHead(): ReplyHeader | undefined {
    this.scanHead();
    const [log, offset, next] = ["log", "offset", "next"].map((name) => this.fields.get(name));
    return this.isAtEvents && isLogId(log) && isOffset(offset) && isOffset(next)
      ? { log, offset, next }
      : undefined;
  }

  /**
   * Scans the rest of the reply.
   *
   * @throws {ReplyFormatError} The batch is then empty or half filled and must not be used.
   */
  readRest(): ReplyHeader {
    if (!this.hasHead) this.scanHead();
    if (this.failure !== undefined) throw this.failure;
    let hasEvents = false;
    while (this.isAtEvents) {
      this.isAtEvents = false;
      hasEvents = this.scanEvents();
      if (this.commaOr(BRACE_CLOSE)) this.scanFields();
    }
    this.skipSpace();
    if (this.at !== this.bytes.length) throw this.malformed();
    return this.checkHeader(this.fields, hasEvents);
  }

  private scanHead(): void {
    this.hasHead = true;
    try {
      this.expect(BRACE_OPEN);
      if (this.peek() === BRACE_CLOSE) this.at++;
      else this.scanFields();
    } catch (error) {
      if (!(error instanceof ReplyFormatError)) throw error;
      this.failure = error;
    }
  }

  /** Reads fields up to the events, or to the end of the reply. */
  private scanFields(): void {
    do {
      const key = this.parseValue();
      if (typeof key !== "string") throw this.malformed();
      this.expect(COLON);
      this.isAtEvents = key === "events";
      if (this.isAtEvents) return;
      this.fields.set(key, this.parseValue());
    } while (this.commaOr(BRACE_CLOSE));
  }

  private checkHeader(fields: Map<string, unknown>, hasEvents: boolean): ReplyHeader {
    const log = fields.get("log");
    const offset = fields.get("offset");
    const next = fields.get("next");
    if (!isLogId(log)) throw new ReplyFormatError('the reply has no "log"');
    if (!isOffset(offset) || !isOffset(next)) {
      throw new ReplyFormatError('the reply\'s "offset" and "next" are not whole numbers');
    }
    if (!hasEvents) throw new ReplyFormatError('the reply has no array "events"');
    // The offsets of an event log have no gaps. A reply that leaves some out would lose events silently.
    if (next - offset !== this.batch.total) {
      throw new ReplyFormatError(
        `the reply holds ${this.batch.total} events, but says it reaches from ${offset} to ${next}`,
      );
    }
    return { log, offset, next };
  }

  /** Returns whether there was an array. The last one of several `events` counts, as with `JSON.parse`. */
  private scanEvents(): boolean {
    this.batch.reset(this.bytes);
    if (this.peek() !== BRACKET_OPEN) {
      this.parseValue();
      return false;
    }
    this.at++;
    if (this.peek() === BRACKET_CLOSE) {
      this.at++;
      return true;
    }
    do {
      if (this.run) this.at = this.run.scan(this.at, this.eventsMax - this.batch.total);
      if (this.batch.total === this.eventsMax) {
        throw new ReplyFormatError(
          `the reply holds more events than the ${this.eventsMax} that were asked for`,
        );
      }
      this.skipSpace();
      this.scanOne();
    } while (this.isAtComma() || this.commaOr(BRACKET_CLOSE));
    return true;
  }

  /** Scans the element at `at`, by the fast path where possible. */
  private scanOne(): void {
    const start = this.at;
    this.batch.reserve();
    const plainEnd = this.elements?.readPlain(start) ?? this.events.scanPlain(start);
    if (plainEnd >= 0) {
      this.at = plainEnd;
      const next = this.bytes[plainEnd] === COMMA ? COMMA : this.peek();
      if (next === COMMA || next === BRACKET_CLOSE) {
        this.batch.total++;
        return;
      }
    }
    this.at = this.json.endOfElement(start);
    const end = this.json.withoutSpace(start, this.at);
    if (end === start) throw this.malformed(start);
    if (this.elements === undefined) this.events.scanAny(start, end);
    else this.elements.read(start, end);
  }

  /** Cuts the JSON value at `at` out of the reply and parses it. */
  private parseValue(): unknown {
    this.skipSpace();
    const start = this.at;
    this.at = this.json.endOfValue(start);
    if (!isUtf8(this.bytes.subarray(start, this.at))) throw this.malformed(start);
    try {
      return JSON.parse(this.json.text(start, this.at));
    } catch {
      throw this.malformed(start);
    }
  }

  private skipSpace(): void {
    while (isSpace(this.bytes[this.at])) this.at++;
  }

  private peek(): number | undefined {
    this.skipSpace();
    return this.bytes[this.at];
  }

  private expect(byte: number): void {
    if (this.peek() !== byte) throw this.malformed();
    this.at++;
  }

  /** Steps over a comma that follows directly, as nearly always. */
  private isAtComma(): boolean {
    if (this.bytes[this.at] !== COMMA) return false;
    this.at++;
    return true;
  }

  /** Steps over a comma (true) or the closing byte (false). */
  private commaOr(closing: number): boolean {
    const byte = this.peek();
    if (byte !== COMMA && byte !== closing) throw this.malformed();
    this.at++;
    return byte === COMMA;
  }

  private malformed(at = this.at): ReplyFormatError {
    return this.json.malformed(at);
  }
}

/**
 * Whether a value may be the identity of an event log. Half a surrogate pair would be read back from the
 * state as another text.
 */
export function isLogId(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= LOG_ID_MAX_CHARACTERS &&
    value.isWellFormed();
}

function isOffset(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
