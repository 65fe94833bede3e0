/**
 * - `absent`: nobody answers.
 * - `refused`: the listener does not serve this client.
 * - `foreign`: what answers is no handler, or one of another version.
 */
export type ListenerErrorKind = "absent" | "refused" | "foreign";

/** The listener does not give what was asked for. The message is for the operator. */
export class ListenerError extends Error {
  constructor(readonly kind: ListenerErrorKind, message: string) {
    super(message);
    this.name = "ListenerError";
  }
}
