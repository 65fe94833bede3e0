import type { FetchReply } from "./bus_log.ts";

/** A request that was sent ahead. */
export interface AskedAhead {
  readonly log: string;
  readonly offset: number;
  /** Number of events that it asks for. */
  readonly limit: number;
  readonly reply: Promise<FetchReply>;
}

/** The request that may be under way while the reply before it is taken in. */
export class ReadAhead {
  private pending: AskedAhead | undefined;

  /** Keeps a request for later. Until its result is used, its failure must not be an unhandled rejection. */
  ask(request: AskedAhead): void {
    request.reply.catch(() => {});
    this.pending = request;
  }

  /** The request that was sent ahead, if it is the one wanted now. It is forgotten in any case. */
  take(log: string | undefined, offset: number | undefined): AskedAhead | undefined {
    const { pending } = this;
    this.pending = undefined;
    return pending !== undefined && pending.log === log && pending.offset === offset ? pending : undefined;
  }

  forget(): void {
    this.pending = undefined;
  }

  /** The reply that was not used; undefined: there is none, or the request has failed. */
  async untaken(): Promise<FetchReply | undefined> {
    return await this.pending?.reply.catch(() => undefined);
  }
}
