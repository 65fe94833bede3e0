import { Buffer } from "node:buffer";
import type { Socket } from "node:net";

/**
 * The rules of a protocol: where its frames end, and which frames may pass. Each connection has its own
 * object, which may keep state.
 */
export interface FrameRules {
  /** Bytes of the head, which says how long a frame is. */
  readonly headSize: number;
  /**
   * Bytes of the whole frame that begins with `head`. May be called more than once. @throws what is out of
   * bounds
   */
  sizeOf(head: Buffer): number;
  /** Checks a whole frame before the client gets it. @throws what is out of bounds */
  received(frame: Buffer): void;
  /** Sees what the client writes, before the server gets it. */
  sent(bytes: Uint8Array): void;
}

/** Cuts a stream into whole frames. Holds back an incomplete frame: one frame and one piece at most. */
export class FrameCutter {
  private readonly rules: FrameRules;
  private pieces: Buffer[] = [];
  private size = 0;
  private needed: number;

  constructor(rules: FrameRules) {
    this.rules = rules;
    this.needed = rules.headSize;
  }

  /** The frames that are complete now; undefined: none. @throws what is out of bounds */
  take(piece: Buffer): Buffer | undefined {
    this.pieces.push(piece);
    this.size += piece.length;
    if (this.size < this.needed) return undefined;
    const bytes = this.pieces.length === 1 ? piece : Buffer.concat(this.pieces, this.size);
    const { headSize } = this.rules;
    let at = 0;
    this.needed = headSize;
    while (bytes.length - at >= headSize) {
      const size = this.rules.sizeOf(bytes.subarray(at, at + headSize));
      if (bytes.length - at < size) {
        this.needed = size;
        break;
      }
      this.rules.received(bytes.subarray(at, at + size));
      at += size;
    }
    const rest = bytes.subarray(at);
    // A copy, so that the memory of the larger piece can be freed.
    this.pieces = rest.length === 0 ? [] : [at === 0 ? rest : Buffer.from(rest)];
    this.size = rest.length;
    return at === 0 ? undefined : bytes.subarray(0, at);
  }
}

/**
 * Stands between a connection and the client library that reads from it. The library sees only whole frames
 * that the rules let pass. Client libraries trust the sizes that a server announces, and buffer that many
 * bytes.
 *
 * @param socket The side in plaintext, where there is TLS. A socket that breaks a rule is destroyed with the
 * error that the rule threw.
 */
export function gate(socket: Socket, rules: FrameRules): void {
  const cutter = new FrameCutter(rules);
  const { emit, write } = socket;
  socket.emit = (event: string | symbol, ...args: unknown[]): boolean => {
    if (event !== "data") return Reflect.apply(emit, socket, [event, ...args]);
    if (socket.destroyed) return false;
    let frames: Buffer | undefined;
    try {
      frames = cutter.take(args[0] as Buffer);
    } catch (error) {
      socket.destroy(error as Error);
      return false;
    }
    return frames === undefined || Reflect.apply(emit, socket, ["data", frames]);
  };
  socket.write = (chunk: unknown, ...rest: unknown[]): boolean => {
    rules.sent(chunk as Uint8Array);
    return Reflect.apply(write, socket, [chunk, ...rest]);
  };
}
