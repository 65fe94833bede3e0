/** An inbox has no room for these records. */
export class InboxFullError extends Error {
  override readonly name = "InboxFullError";

  /** @param isForGood They would not fit into an empty inbox either. */
  constructor(message: string, readonly isForGood: boolean) {
    super(message);
  }

  /** @param weight Bytes of the records. @param maxBytes Of the inbox. */
  static of(weight: number, maxBytes: number): InboxFullError {
    const isForGood = weight > maxBytes;
    return new InboxFullError(
      isForGood
        ? `the records take ${weight} bytes, and the inbox has ${maxBytes} (INBOX_MAX_BYTES); ` +
          "send fewer at once"
        : "the inbox is full (INBOX_MAX_BYTES), since the handler does not keep up; send again later",
      isForGood,
    );
  }
}
