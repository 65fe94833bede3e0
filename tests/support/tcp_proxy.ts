/**
 * A proxy between the handler and a server that can cut, stall and delay connections. It keeps its port
 * whatever happens to the server.
 */
export class TcpProxy implements AsyncDisposable {
  /** The port that it listens on, which clients are given. */
  readonly port: number;
  /** Connections that were cut so far. */
  cutCount = 0;
  /** Called with each piece that a client has sent. */
  seen: ((piece: Uint8Array) => void) | undefined;
  private target: number | undefined;
  private delayMs = 0;
  private isCut = false;
  private answer: Uint8Array | undefined;
  /** Pieces of answers that pass before one is lost; undefined: none will be lost. */
  private answersLeft: number | undefined;
  private stalled: PromiseWithResolvers<void> | undefined;
  private readonly listener: Deno.TcpListener;
  private readonly pairs = new Set<readonly [Deno.TcpConn, Deno.TcpConn]>();
  private readonly serving: Promise<void>;

  private constructor(port: number) {
    this.listener = Deno.listen({ hostname: "127.0.0.1", port });
    this.port = this.listener.addr.port;
    this.serving = this.serve();
  }

  /**
   * Starts a proxy, whose port is known before that of the server behind it. @param port 0: any that is free.
   */
  static start(port = 0): TcpProxy {
    return new TcpProxy(port);
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Connections lead to this port of 127.0.0.1. */
  leadTo(port: number): void {
    this.target = port;
  }

  /** Resets all connections, and each new one at once, until {@link mend}. */
  cut(): void {
    this.isCut = true;
    for (const pair of this.pairs) this.close(pair);
  }

  /** Nothing passes any more, in neither direction; connections stay open. */
  stall(): void {
    this.stalled ??= Promise.withResolvers();
  }

  /** Refuses new connections for good. Existing ones stay. */
  refuse(): void {
    closeQuietly(this.listener);
  }

  /** Delays each piece by this time. */
  slowDown(delayMs: number): void {
    this.delayMs = delayMs;
  }

  /**
   * Loses an answer after this many further pieces: it does not arrive, and its connection is cut. Later
   * connections are not affected.
   */
  loseAnswerAfter(pieces: number): void {
    this.answersLeft = pieces;
  }

  /** Whether an answer was lost since {@link loseAnswerAfter}. */
  get hasLostAnswer(): boolean {
    return this.answersLeft === undefined;
  }

  /**
   * The next connection, or the next piece of one that there is, is answered with this and closed; nothing of
   * it reaches the server.
   */
  answerOnce(bytes: Uint8Array): void {
    this.answer = bytes;
  }

  /** Everything passes as it comes. */
  mend(): void {
    this.isCut = false;
    this.delayMs = 0;
    this.answersLeft = undefined;
    this.stalled?.resolve();
    this.stalled = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.refuse();
    this.mend();
    for (const pair of this.pairs) this.close(pair);
    await this.serving;
  }

  private async serve(): Promise<void> {
    try {
      for await (const connection of this.listener) this.accept(connection);
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  private async accept(near: Deno.TcpConn): Promise<void> {
    let far: Deno.TcpConn;
    try {
      if (this.isCut) throw new Error("cut");
      far = await Deno.connect({ hostname: "127.0.0.1", port: this.target! });
    } catch {
      closeQuietly(near);
      return;
    }
    const pair = [near, far] as const;
    if (this.isCut) return this.close(pair);
    this.pairs.add(pair);
    near.setNoDelay(true);
    far.setNoDelay(true);
    await Promise.allSettled([this.pass(near, far, near), this.pass(far, near)]);
    this.close(pair, false);
  }

  /** @param client The client that gets the scripted answer; undefined: none. */
  private async pass(from: Deno.TcpConn, to: Deno.TcpConn, client?: Deno.TcpConn): Promise<void> {
    const piece = new Uint8Array(64 * 1024);
    for (;;) {
      const length = await from.read(piece);
      if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
      await this.stalled?.promise;
      if (length === null) return await to.closeWrite();
      if (client !== undefined) this.seen?.(piece.subarray(0, length));
      if (client !== undefined && this.answer !== undefined) {
        const { answer } = this;
        this.answer = undefined;
        for (let written = 0; written < answer.length;) {
          written += await client.write(answer.subarray(written));
        }
        await to.closeWrite();
        return await client.closeWrite();
      }
      if (client === undefined && this.answersLeft !== undefined && this.answersLeft-- === 0) {
        this.answersLeft = undefined;
        this.cutCount++;
        from.close();
        return to.close();
      }
      for (let written = 0; written < length;) written += await to.write(piece.subarray(written, length));
    }
  }

  private close(pair: readonly [Deno.TcpConn, Deno.TcpConn], isCut = true): void {
    if (this.pairs.delete(pair) && isCut) this.cutCount++;
    for (const connection of pair) closeQuietly(connection);
  }
}

function closeQuietly(resource: { close(): void }): void {
  try {
    resource.close();
  } catch {
    // Closed already.
  }
}
