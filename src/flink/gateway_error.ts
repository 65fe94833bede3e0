/**
 * - `absent`: nobody answers.
 * - `foreign`: what answers is no SQL gateway.
 * - `refused`: it does not run a statement.
 * - `slow`: it does not come to an end with a statement.
 */
export type GatewayErrorKind = "absent" | "foreign" | "refused" | "slow";

/** An SQL gateway does not do what it was asked. The message, for the operator, may quote a statement. */
export class GatewayError extends Error {
  constructor(readonly kind: GatewayErrorKind, message: string) {
    super(message);
    this.name = "GatewayError";
  }
}
