import { concatenated } from "../platform/http/bounded_bytes.ts";
import { ByteBudget } from "./byte_budget.ts";
import type { EventLog } from "./event_log.ts";

/** A reader gets so much at once, or one event; it asks again for the rest. */
const REPLY_MAX_BYTES = 8 * 1024 * 1024;
/** What is not larger goes out at once, whatever others have not yet taken. */
const FREE_BYTES = 64 * 1024;
/** Of all replies that their readers have not yet taken, but the small ones. */
const REPLIES_MAX_BYTES = 128 * 1024 * 1024;
/** A reader that takes nothing for so long is cut off. */
const STALLED_MS = 60_000;
const WORTH_COMPRESSING_BYTES = 1024;

const ENCODER = new TextEncoder();
const COMMA = ENCODER.encode(",");
const TAIL = ENCODER.encode("]}");

export const JSON_TYPE = { "content-type": "application/json" };
const GZIPPED_JSON_TYPE = { ...JSON_TYPE, "content-encoding": "gzip", vary: "accept-encoding" };

type Bytes = Uint8Array<ArrayBuffer>;

/** Part of a log, as its readers get it. */
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

  /** The same in pieces that are not large. */
  *slices(): Generator<Bytes> {
    for (const piece of this.pieces) {
      for (let at = 0; at < piece.length; at += FREE_BYTES) yield piece.slice(at, at + FREE_BYTES);
    }
  }
}

/** Makes the replies to readers, and bounds what they hold while it is on its way. */
export class Replies {
  private readonly budget: ByteBudget;

  constructor(maxBytes = REPLIES_MAX_BYTES, private readonly stalledMs = STALLED_MS) {
    this.budget = new ByteBudget(maxBytes);
  }

  /** At once. Undefined: there is no room for one; ask again later. */
  async now(log: EventLog, offset: number, limit: number, isGzipped: boolean): Promise<Response | undefined> {
    const reply = this.reserved(log, offset, limit);
    if (reply === undefined) return undefined;
    if (reply.byteLength > FREE_BYTES) return respond(this.stream(Promise.resolve(reply)), isGzipped);
    if (!isGzipped || reply.byteLength < WORTH_COMPRESSING_BYTES) {
      return new Response(reply.bytes, { headers: JSON_TYPE });
    }
    const packed = new Response(reply.bytes).body!.pipeThrough(new CompressionStream("gzip"));
    return new Response(await new Response(packed).bytes(), { headers: GZIPPED_JSON_TYPE });
  }

  /**
   * Once there is something to say; the runtime tells a reader's going away only of a body that it streams.
   *
   * @param wait Resolves when there is something, or nothing to wait for any more.
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
      // Where it was trimmed away meanwhile, or there is no room, the next request is told.
      return offset < log.first ? undefined : this.reserved(log, offset, limit);
    }).then((reply) => reply ?? Reply.of(log, offset, 0, 0));
    return respond(this.stream(reply, gone), isGzipped);
  }

  /** Smaller than it might be where others have not taken theirs. */
  private reserved(log: EventLog, offset: number, limit: number): Reply | undefined {
    const whole = Reply.of(log, offset, limit, REPLY_MAX_BYTES);
    if (whole.byteLength <= FREE_BYTES || this.budget.take(whole.byteLength)) return whole;
    const small = Reply.of(log, offset, limit, FREE_BYTES / 2);
    return small.byteLength <= FREE_BYTES ? small : undefined;
  }

  /** Gives the reply out as fast as its reader takes it. */
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

function respond(body: ReadableStream<Bytes>, isGzipped: boolean): Response {
  return isGzipped
    ? new Response(body.pipeThrough(new CompressionStream("gzip")), { headers: GZIPPED_JSON_TYPE })
    : new Response(body, { headers: JSON_TYPE });
}
