/** Events cannot be taken. The message is for the publisher. */
export class LogFullError extends Error {
  override readonly name = "LogFullError";

  /** @param isForGood They would not fit into an empty event log either. */
  constructor(message: string, readonly isForGood: boolean) {
    super(message);
  }
}

/** The store takes nothing now. The message is for the operator. */
export class UnwritableError extends Error {
  override readonly name = "UnwritableError";
}
