/** A question that cannot be answered as it is. The message is for who asks: what is wrong, what there is. */
export class QuestionError extends Error {
  override readonly name = "QuestionError";

  /** @param parameter The part of the question that is wrong. */
  constructor(readonly parameter: "tier", message: string) {
    super(message);
  }
}
