/** How an option is called where the order came from: its flag, or its field in the body of a request. */
export type OptionNaming = (flag: string, field: string) => string;

/**
 * An order that was not carried out; nothing has changed. The message is for the operator: what is wrong and
 * what to do next.
 *
 * - `wrong`: the order itself is wrong.
 * - `impossible`: the present state does not allow it.
 */
export class OrderError extends Error {
  override readonly name = "OrderError";

  /** @param inWords The message, or what makes it from the names of options. */
  constructor(
    readonly kind: "wrong" | "impossible",
    private readonly inWords: string | ((option: OptionNaming) => string),
  ) {
    super(typeof inWords === "string" ? inWords : inWords((flag) => flag));
  }

  /** The message for who has given the order by a request with a body. */
  get messageOfBody(): string {
    return typeof this.inWords === "string" ? this.inWords : this.inWords((_, field) => `"${field}"`);
  }
}
