import type { FetchReply } from "./bus_log.ts";

/** A reply that was asked for before its turn came. */
export interface AskedAhead {
  readonly log: string;
  readonly offset: number;
  /** Events that it was asked for. */
  readonly limit: number;
  readonly reply: Promise<FetchReply>;
}

/** The one request that may be under way while the reply before it is taken in. */
export class ReadAhead {
  private pending: AskedAhead | undefined;

  /** Looked at when its turn comes; until then its failure is nobody's unhandled rejection. */
  ask(request: AskedAhead): void {
    request.reply.catch(() => {});
    this.pending = request;
  }

  /** What was asked for ahead, if it is what is wanted now; whatever it was, it is forgotten. */
  take(log: string | undefined, offset: number | undefined): AskedAhead | undefined {
    const { pending } = this;
    this.pending = undefined;
    return pending !== undefined && pending.log === log && pending.offset === offset ? pending : undefined;
  }

  forget(): void {
    this.pending = undefined;
  }

  /** The reply that nobody has taken; undefined: there is none, or it has failed. */
  async untaken(): Promise<FetchReply | undefined> {
    return await this.pending?.reply.catch(() => undefined);
  }
}
