/** The demo cannot go on. The message is for the operator: what is wrong and what to do next. */
export class DemoError extends Error {
  override readonly name = "DemoError";
}
