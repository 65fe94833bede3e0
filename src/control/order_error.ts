/**
 * An order that was not carried out; nothing has changed. The message is for the operator: what is wrong and
 * what to do next.
 *
 * - `wrong`: the order itself is wrong.
 * - `impossible`: the present state does not allow it.
 */
export class OrderError extends Error {
  override readonly name = "OrderError";

  constructor(readonly kind: "wrong" | "impossible", message: string) {
    super(message);
  }
}
