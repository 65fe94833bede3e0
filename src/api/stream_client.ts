/** Bytes that may wait for a client. Who takes them more slowly than they come is cut off. */
const BUFFER_MAX_BYTES = 1024 * 1024;
/** A stream ends after this time, so that a client whose token is no longer valid loses it. */
const STREAM_MAX_MS = 15 * 60_000;
/** How long a browser waits before it connects again, where a stream has broken off. */
const RETRY_MS = 2000;
/** The same where the stream has come to its time: nothing is wrong, so nobody shall see it. */
const RENEWAL_MS = 100;

const ENCODER = new TextEncoder();

/** One client of a stream of server-sent events. */
export class StreamClient {
  readonly stream: ReadableStream<Uint8Array>;
  /** Whether nothing of the state was sent to it yet. */
  isNew = true;
  /** The readiness that it was last told. */
  readiness = "";
  private controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  private next: number | undefined;
  private readonly timer: ReturnType<typeof setTimeout>;

  /**
   * @param lastEventId What an earlier stream of the client ended with; undefined: nothing.
   * @param onEnd Called once, when nothing can be sent any more.
   */
  constructor(private lastEventId: string | undefined, private readonly onEnd: () => void) {
    this.stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => void (this.controller = controller),
        cancel: () => void this.forget(),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: BUFFER_MAX_BYTES }),
    );
    this.timer = setTimeout(() => {
      this.write(`retry: ${RENEWAL_MS}\n\n`);
      this.end();
    }, STREAM_MAX_MS);
    this.write(`retry: ${RETRY_MS}\n\n`);
  }

  /** Whether something can still be sent to it. */
  get isOpen(): boolean {
    return this.controller !== undefined;
  }

  /** Whether what it has not taken yet fills less than half of its room. */
  get hasRoom(): boolean {
    return (this.controller?.desiredSize ?? 0) > BUFFER_MAX_BYTES / 2;
  }

  /** It is told of windows from this outbox id on; undefined: of none yet. */
  get fromId(): number | undefined {
    return this.next;
  }

  /** Takes up where an earlier stream of the same state ended. */
  resume(stateId: string): void {
    const [, state, id] = /^(.{1,100}):(\d{1,15})$/.exec(this.lastEventId ?? "") ?? [];
    if (state === stateId) this.next = Number(id);
    this.lastEventId = undefined;
  }

  /** Everything before this outbox id was told. */
  goOnFrom(outboxId: number): void {
    this.next = outboxId;
    this.isNew = false;
  }

  /** @param id What the client's next stream may begin with. */
  send(event: string, data: string, id?: string): void {
    this.write(`${id === undefined ? "" : `id: ${id}\n`}event: ${event}\ndata: ${data}\n\n`);
  }

  /** Sends a sign of life. */
  sign(): void {
    this.write(": still here\n\n");
  }

  end(): void {
    const controller = this.forget();
    try {
      controller?.close();
    } catch {
      // It has gone away by itself.
    }
  }

  private write(text: string): void {
    const { controller } = this;
    if (controller === undefined) return;
    if ((controller.desiredSize ?? 0) <= 0) {
      this.forget();
      controller.error(new Error("the client does not take what is sent"));
      return;
    }
    controller.enqueue(ENCODER.encode(text));
  }

  private forget(): ReadableStreamDefaultController<Uint8Array> | undefined {
    const { controller } = this;
    this.controller = undefined;
    clearTimeout(this.timer);
    if (controller !== undefined) this.onEnd();
    return controller;
  }
}
