/** A request that is not answered as wished. The message is for the client: what is wrong, what to do. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  /** @param code The cause as one word for programs, such as `not_found`. */
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }

  /** The one shape that every error has. */
  toResponse(): Response {
    return new Response(`${JSON.stringify({ error: { code: this.code, message: this.message } })}\n`, {
      status: this.status,
      headers: { "content-type": "application/json", ...this.headers },
    });
  }
}
