/** A question that the handler did not answer as wished. The message is the handler's, for the user. */
export class ApiFailure extends Error {
  /**
   * @param status Of HTTP; 0: the handler was not reached.
   * @param code The cause as one word, such as `not_found`.
   */
  constructor(readonly status: number, readonly code: string, message: string) {
    super(message);
  }
}

/** Parameters of a query; what is undefined or empty is left out. */
export type Parameters = Readonly<Record<string, string | number | boolean | undefined>>;

type Method = "GET" | "POST" | "DELETE";

/** The handler's own sign, beside the Origin, that a change comes from this page. */
const OWN_PAGE = { "x-vabus-request": "1" };

/** Asks the handler. Its addresses are relative, so that a proxy may serve the page below any path. */
export class Api {
  /** @param onSignedOut Called when the handler says that the session is over, or that it needs one. */
  constructor(private readonly onSignedOut: () => void) {}

  /** @param path Such as `status`, below `/api`. @throws {ApiFailure} */
  get<T>(path: string, parameters: Parameters = {}, signal?: AbortSignal): Promise<T> {
    return this.ask("GET", `${path}${queryOf(parameters)}`, undefined, signal);
  }

  /** @throws {ApiFailure} */
  post<T>(path: string, body: unknown = {}): Promise<T> {
    return this.ask("POST", path, body);
  }

  /** @throws {ApiFailure} */
  delete(path: string): Promise<void> {
    return this.ask("DELETE", path);
  }

  private async ask<T>(method: Method, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
    const response = await this.send(method, path, body, signal);
    if (response.ok) return (response.status === 204 ? undefined : await response.json()) as T;
    const failure = await failureOf(response);
    // A wrong token is told to who has typed it.
    if (failure.status === 401 && failure.code !== "wrong_token") this.onSignedOut();
    throw failure;
  }

  private async send(
    method: Method,
    path: string,
    body: unknown,
    signal: AbortSignal | undefined,
  ): Promise<Response> {
    try {
      return await fetch(`api/${path}`, {
        method,
        headers: {
          accept: "application/json",
          ...(method !== "GET" && OWN_PAGE),
          ...(body !== undefined && { "content-type": "application/json" }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        ...(signal && { signal }),
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new ApiFailure(0, "unreachable", "The handler cannot be reached. Does it run?");
    }
  }
}

/** A query with its question mark; "": there are no parameters. */
export function queryOf(parameters: Parameters): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== "") query.set(name, `${value}`);
  }
  const text = query.toString();
  return text === "" ? "" : `?${text}`;
}

async function failureOf(response: Response): Promise<ApiFailure> {
  try {
    const { error } = await response.json() as { error: { code: string; message: string } };
    return new ApiFailure(response.status, error.code, error.message);
  } catch {
    const message = `The handler answered ${response.status} ${response.statusText}.`;
    return new ApiFailure(response.status, "unknown", message);
  }
}
