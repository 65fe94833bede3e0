import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import type { Link } from "./link.ts";

/** The product's end of a simulated connection, with as much of a socket as the product uses. */
export class SimSocket extends EventEmitter {
  private isOver = false;
  private isHalted = false;
  /** What has come while nothing is taken from the network. */
  private waiting: Buffer[] = [];

  constructor(private readonly link: Link) {
    super();
  }

  write(data: string | Uint8Array): boolean {
    if (!this.isOver) this.link.toServer(Buffer.from(data as string));
    return true;
  }

  end(data: Uint8Array): void {
    this.write(data);
    this.link.clientEnds();
  }

  destroy(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.link.clientEnds();
  }

  pause(): void {
    this.isHalted = true;
  }

  resume(): void {
    this.isHalted = false;
    const waiting = this.waiting.splice(0);
    if (waiting.length > 0) queueMicrotask(() => waiting.forEach((piece) => this.take(piece)));
  }

  /** Something has come over the network. */
  take(piece: Buffer): void {
    if (this.isOver) return;
    if (this.isHalted) this.waiting.push(piece);
    else this.emit("data", piece);
  }

  /** The connection is no more. */
  closed(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.emit("close");
  }
}
