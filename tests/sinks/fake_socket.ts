import { EventEmitter } from "node:events";
import type { Socket } from "node:net";

/** As much of a socket as a gate needs. */
export class FakeSocket extends EventEmitter {
  readonly written: Uint8Array[] = [];
  destroyed = false;
  destroyedBy: Error | undefined;

  get asSocket(): Socket {
    return this as unknown as Socket;
  }

  write(bytes: Uint8Array): boolean {
    this.written.push(bytes);
    return true;
  }

  destroy(error?: Error): void {
    this.destroyed = true;
    this.destroyedBy = error;
  }
}
