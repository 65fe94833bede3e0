/**
 * An order that is not carried out; nothing has changed. The message is for the operator: what is wrong and what to do next.
 *
 * - `wrong`: as it was given.
 * - `impossible`: as things stand.
 */
export class OrderError extends Error {
  override readonly name = "OrderError";

  constructor(readonly kind: "wrong" | "impossible", message: string) {
    super(message);
  }
}
