/**
 * A request that cannot be read. Nothing of it is taken. The message is for its sender.
 *
 * - 400: it is not what it says it is.
 * - 413: it is more than is read at once.
 * - 415: it is of a type or in an encoding that is not read.
 */
export class PushError extends Error {
  override readonly name = "PushError";

  constructor(readonly status: 400 | 413 | 415, message: string) {
    super(message);
  }
}
