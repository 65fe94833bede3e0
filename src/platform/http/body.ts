import { freeMemoryOf } from "../process/memory.ts";
import { concatenated } from "./bounded_bytes.ts";
import { giveWay } from "../clock/steps.ts";
import type { ByteBudget } from "./byte_budget.ts";

/** A request body that cannot be taken. The message is for the sender. */
export class BodyError extends Error {
  override readonly name = "BodyError";

  /** @param position Index of the event that is the cause, from 0. */
  constructor(
    readonly status: 400 | 408 | 413 | 415 | 422 | 503,
    message: string,
    readonly position?: number,
  ) {
    super(message);
  }
}

/** How a body is read. */
export interface BodyOptions {
  /** How long it may take. */
  readonly maxMs?: number;
  /** A content encoding that the reader of the body knows itself; in lower case. */
  readonly ownEncoding?: string | undefined;
}

const MAX_BYTES = 64 * 1024 * 1024;
/**
 * Bodies of this size need no budget. So large bodies that never end cannot lock out the senders of small
 * ones.
 */
const FREE_BYTES = 64 * 1024;
/** A body may take this long at most. Else its sender could hold a share of the budget for ever. */
const MAX_MS = 120_000;
/**
 * Compressed bytes go to the inflater in slices of this size, since a slice may inflate to a thousand times
 * its size at once.
 */
const SLICE_BYTES = 2 * 1024;
/**
 * After this many bytes other requests get a turn. Else a compressed body would be inflated to its end in one
 * go.
 */
const TURN_BYTES = 1024 * 1024;
const BLOCK_MIN_BYTES = 4 * 1024;
const BLOCK_MAX_BYTES = 1024 * 1024;

/** A body that keeps its share of the budget. */
export interface HeldBody {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Gives the share back, and frees the bytes, which cannot be used any more. To be called once. */
  readonly release: () => void;
}

/**
 * The body of a request, inflated where it was compressed. Both sizes are bounded.
 *
 * @param budget The bytes that all bodies on their way share.
 * @throws {BodyError}
 */
export async function readBody(
  request: Request,
  budget: ByteBudget,
  options: BodyOptions = {},
): Promise<Uint8Array> {
  const received = new Received(budget);
  try {
    return await receive(request, received, options);
  } finally {
    received.release();
  }
}

/**
 * The same for a body that counts in the budget until it is released.
 *
 * @throws {BodyError} Nothing is held.
 */
export async function holdBody(
  request: Request,
  budget: ByteBudget,
  options: BodyOptions = {},
): Promise<HeldBody> {
  const received = new Received(budget);
  try {
    const bytes = await receive(request, received, options);
    return {
      bytes,
      release: () => {
        freeMemoryOf(bytes);
        received.release();
      },
    };
  } catch (error) {
    received.release();
    throw error;
  }
}

/** @throws {BodyError} */
async function receive(
  request: Request,
  received: Received,
  { maxMs = MAX_MS, ownEncoding }: BodyOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const encoding = request.headers.get("content-encoding")?.toLowerCase() ?? "identity";
  const isAsItCame = encoding === "identity" || encoding === ownEncoding;
  if (!isAsItCame && !/^(x-)?gzip$/.test(encoding)) {
    throw new BodyError(415, `content-encoding ${encoding.slice(0, 40)} is not known; gzip is`);
  }
  if (Number(request.headers.get("content-length") ?? 0) > MAX_BYTES) throw tooLarge();
  if (request.body === null) return new Uint8Array();
  const body = new CheckedBody(request.body);
  const stream = isAsItCame
    ? request.body
    : ReadableStream.from(body.slices()).pipeThrough(new DecompressionStream("gzip"));
  try {
    return await received.all(stream, maxMs);
  } catch (error) {
    if (error instanceof BodyError) throw error;
    if (!isAsItCame && !body.isCutOff) throw new BodyError(400, "the body is not one stream of gzip");
    // A sender drops what is answered 400, and its next try may arrive. A server that closes cuts bodies off.
    throw new BodyError(503, "the body was cut off on its way; send it again");
  }
}

/**
 * Checks the content type of a request: a page in a browser may send other ones to any address without a
 * preflight request.
 *
 * @throws {BodyError}
 */
export function assertJson(request: Request): void {
  const type = request.headers.get("content-type");
  if (type === null || /^application\/([\w.!#$&^-]+\+)?json\s*(;|$)/i.test(type.trim())) return;
  throw new BodyError(
    415,
    `content-type ${type.slice(0, 60)} is not taken; send content-type: application/json`,
  );
}

/** Compressed bytes as they come. */
class CheckedBody {
  /** Whether the bytes have ended before the body has. */
  isCutOff = false;

  constructor(private readonly body: ReadableStream<Uint8Array<ArrayBuffer>>) {}

  /** Cuts them into slices and bounds their number: they need not inflate to anything. */
  async *slices(): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    let size = 0;
    for await (const piece of this.pieces()) {
      size += piece.length;
      if (size > MAX_BYTES) throw tooLarge();
      for (let at = 0; at < piece.length; at += SLICE_BYTES) yield piece.subarray(at, at + SLICE_BYTES);
    }
  }

  private async *pieces(): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    try {
      yield* this.body;
    } catch (error) {
      this.isCutOff = true;
      throw error;
    }
  }
}

/**
 * The received bytes of a body, in blocks, so that a sender of single bytes does not cost an object for each.
 */
class Received {
  private readonly blocks: Uint8Array<ArrayBuffer>[] = [];
  private size = 0;
  /** Bytes used in the last block. */
  private filled = 0;
  private reserved = 0;
  private held = 0;

  constructor(private readonly budget: ByteBudget) {}

  async all(stream: ReadableStream<Uint8Array>, maxMs: number): Promise<Uint8Array<ArrayBuffer>> {
    const reader = stream.getReader();
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      reader.cancel().catch(() => {});
    }, maxMs);
    let turnAt = TURN_BYTES;
    try {
      for (;;) {
        if (this.size >= turnAt) {
          turnAt = this.size + TURN_BYTES;
          await giveWay();
        }
        const { done, value } = await reader.read();
        if (isLate) throw new BodyError(408, `the body did not end within ${maxMs / 1000} s`);
        if (done) break;
        this.add(value);
      }
    } catch (error) {
      reader.cancel().catch(() => {});
      throw error;
    } finally {
      clearTimeout(timer);
    }
    const last = this.blocks.at(-1);
    const bytes = last === undefined
      ? new Uint8Array()
      : concatenated([...this.blocks.slice(0, -1), last.subarray(0, this.filled)]);
    this.freeBlocks();
    return bytes;
  }

  release(): void {
    this.freeBlocks();
    this.budget.give(this.held);
    this.held = 0;
  }

  private freeBlocks(): void {
    for (const block of this.blocks) freeMemoryOf(block);
    this.blocks.length = 0;
  }

  private add(piece: Uint8Array): void {
    this.size += piece.length;
    if (this.size > MAX_BYTES) throw tooLarge();
    let block = this.blocks.at(-1);
    for (let at = 0; at < piece.length;) {
      if (block === undefined || this.filled === block.length) {
        block = this.another(piece.length - at);
        this.filled = 0;
      }
      const part = piece.subarray(at, at + block.length - this.filled);
      block.set(part, this.filled);
      this.filled += part.length;
      at += part.length;
    }
  }

  private another(wanted: number): Uint8Array<ArrayBuffer> {
    const length = Math.max(wanted, Math.min(BLOCK_MAX_BYTES, Math.max(BLOCK_MIN_BYTES, this.reserved)));
    this.reserved += length;
    const due = Math.max(0, this.reserved - FREE_BYTES) - this.held;
    if (!this.budget.take(due)) {
      throw new BodyError(503, "too many large bodies are on their way; send again, or smaller ones");
    }
    this.held += due;
    const block = new Uint8Array(length);
    this.blocks.push(block);
    return block;
  }
}

function tooLarge(): BodyError {
  return new BodyError(413, `the body may have ${MAX_BYTES / 1024 / 1024} MiB at most, inflated or not`);
}
