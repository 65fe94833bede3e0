import { concatenated } from "../platform/http/bounded_bytes.ts";
import { ByteBudget } from "../platform/http/byte_budget.ts";
import type { EventLog } from "./event_log.ts";

/** Bytes of a reply at most, but at least one event. The reader asks again for the rest. */
const REPLY_MAX_BYTES = 8 * 1024 * 1024;
/** Replies up to this size need no budget, so they are sent whatever other readers have not yet taken. */
const FREE_BYTES = 64 * 1024;
/** Bytes of all replies that their readers have not yet taken, small replies not counted. */
const REPLIES_MAX_BYTES = 128 * 1024 * 1024;
/** A reader that takes nothing for this time is cut off. */
const STALLED_MS = 60_000;
const WORTH_COMPRESSING_BYTES = 1024;

const ENCODER = new TextEncoder();
const COMMA = ENCODER.encode(",");
const TAIL = ENCODER.encode("]}");

export const JSON_TYPE = { "content-type": "application/json" };
const GZIPPED_JSON_TYPE = { ...JSON_TYPE, "content-encoding": "gzip", vary: "accept-encoding" };

type Bytes = Uint8Array<ArrayBuffer>;

/** A part of an event log as JSON. */
class Reply {
  readonly byteLength: number;

  private constructor(private readonly pieces: readonly Uint8Array[]) {
    this.byteLength = pieces.reduce((sum, { length }) => sum + length, 0);
  }

  static of(log: EventLog, offset: number, limit: number, maxBytes: number): Reply {
    const { pieces, next } = log.read(offset, limit, maxBytes);
    const head = `{"log":"${log.id}","offset":${offset},"next":${next},"events":[`;
    return new Reply([
      ENCODER.encode(head),
      ...pieces.flatMap((piece, i) => i === 0 ? [piece] : [COMMA, piece]),
      TAIL,
    ]);
  }

  get bytes(): Bytes {
    return concatenated(this.pieces);
  }

  /** The reply in small pieces. */
  *slices(): Generator<Bytes> {
    for (const piece of this.pieces) {
      for (let at = 0; at < piece.length; at += FREE_BYTES) yield piece.slice(at, at + FREE_BYTES);
    }
  }
}

/** Makes the replies to readers. Bounds the memory of replies that are on their way. */
export class Replies {
  private readonly budget: ByteBudget;

  constructor(maxBytes = REPLIES_MAX_BYTES, private readonly stalledMs = STALLED_MS) {
    this.budget = new ByteBudget(maxBytes);
  }

  /**
   * The reply for the events that there are now. Undefined: there is no memory for a reply, the reader must
   * ask again later.
   */
  async now(log: EventLog, offset: number, limit: number, isGzipped: boolean): Promise<Response | undefined> {
    const reply = this.reserved(log, offset, limit);
    if (reply === undefined) return undefined;
    if (reply.byteLength > FREE_BYTES) {
      return respond(this.stream(Promise.resolve(reply)), isGzipped, reply.byteLength);
    }
    if (!isGzipped || reply.byteLength < WORTH_COMPRESSING_BYTES) {
      return new Response(reply.bytes, { headers: JSON_TYPE });
    }
    const packed = new Response(reply.bytes).body!.pipeThrough(new CompressionStream("gzip"));
    return new Response(await new Response(packed).bytes(), { headers: GZIPPED_JSON_TYPE });
  }

  /**
   * A reply that is sent once there are events. It is streamed, since the runtime reports only for streamed
   * bodies that a reader has gone away.
   *
   * @param wait Resolves when there are events, or when waiting is over.
   */
  later(
    log: EventLog,
    offset: number,
    limit: number,
    isGzipped: boolean,
    wait: (gone: AbortSignal) => Promise<void>,
  ): Response {
    const gone = new AbortController();
    const reply = wait(gone.signal).then(() => {
      if (gone.signal.aborted) return undefined;
      // Where the offset was trimmed away meanwhile, or there is no memory, the reply is empty and the next
      // request gets the error.
      return offset < log.first ? undefined : this.reserved(log, offset, limit);
    }).then((reply) => reply ?? Reply.of(log, offset, 0, 0));
    return respond(this.stream(reply, gone), isGzipped);
  }

  /**
   * A reply within the budget. It is small where other readers have not yet taken theirs. Undefined: even the
   * first event needs more than there is.
   */
  private reserved(log: EventLog, offset: number, limit: number): Reply | undefined {
    const whole = Reply.of(log, offset, limit, REPLY_MAX_BYTES);
    if (whole.byteLength <= FREE_BYTES || this.budget.take(whole.byteLength)) return whole;
    const small = Reply.of(log, offset, limit, FREE_BYTES / 2);
    return small.byteLength <= FREE_BYTES ? small : undefined;
  }

  /** Streams the reply as fast as its reader takes it. */
  private stream(reply: Promise<Reply>, gone = new AbortController()): ReadableStream<Bytes> {
    let slices: Generator<Bytes> | undefined;
    let held = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const release = () => {
      clearTimeout(timer);
      this.budget.give(held);
      held = 0;
      slices = undefined;
    };
    const prepared = reply.then((ready) => {
      if (ready.byteLength > FREE_BYTES) held = ready.byteLength;
      if (gone.signal.aborted) return release();
      slices = ready.slices();
    });
    return new ReadableStream({
      pull: async (controller) => {
        await prepared;
        clearTimeout(timer);
        const slice = slices?.next().value;
        if (slice === undefined) {
          release();
          if (!gone.signal.aborted) controller.close();
          return;
        }
        controller.enqueue(slice);
        timer = setTimeout(() => {
          release();
          controller.error(new Error("the reader has taken nothing for too long"));
        }, this.stalledMs);
      },
      cancel: () => {
        gone.abort();
        release();
      },
    }, { highWaterMark: 0 });
  }
}

/** @param byteLength So that readers take the reply in one piece; undefined: not known yet. */
function respond(body: ReadableStream<Bytes>, isGzipped: boolean, byteLength?: number): Response {
  if (isGzipped) {
    return new Response(body.pipeThrough(new CompressionStream("gzip")), { headers: GZIPPED_JSON_TYPE });
  }
  const length = byteLength === undefined ? undefined : { "content-length": `${byteLength}` };
  return new Response(body, { headers: { ...JSON_TYPE, ...length } });
}
