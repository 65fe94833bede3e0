/** Flink SQL has no way for something that settings ask for. The message is a sentence for the operator. */
export class Cannot extends Error {
  override name = "Cannot";
}
