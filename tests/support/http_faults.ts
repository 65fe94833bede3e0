/**
 * A server with scripted HTTP replies, byte by byte: cut off, late, or not those of a VaBus. Each connection
 * gets one reply and is closed.
 */

export interface FaultyRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Headers;
  readonly body: string;
  /** When it came, by `performance.now()`. */
  readonly atMs: number;
}

/** The bytes of a whole HTTP reply; `respond` makes proper ones. */
export type Answer = string | Uint8Array;

export class FaultyServer implements AsyncDisposable {
  readonly requests: FaultyRequest[] = [];
  readonly url: string;
  private readonly listener: Deno.Listener;
  private readonly serving: Promise<void>;
  private readonly connections = new Set<Deno.Conn>();

  private constructor(
    private readonly answer: (request: FaultyRequest) => Answer | Promise<Answer>,
    port: number,
  ) {
    this.listener = Deno.listen({ hostname: "127.0.0.1", port });
    this.url = `http://127.0.0.1:${(this.listener.addr as Deno.NetAddr).port}`;
    this.serving = this.serve();
  }

  static start(answer: (request: FaultyRequest) => Answer | Promise<Answer>, port = 0): FaultyServer {
    return new FaultyServer(answer, port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.listener.close();
    for (const connection of this.connections) closeQuietly(connection);
    await this.serving;
  }

  private async serve(): Promise<void> {
    const running = new Set<Promise<void>>();
    try {
      for await (const connection of this.listener) {
        this.connections.add(connection);
        const handled: Promise<void> = this.handle(connection).finally(() => {
          running.delete(handled);
          this.connections.delete(connection);
          closeQuietly(connection);
        });
        running.add(handled);
      }
    } finally {
      await Promise.all(running);
    }
  }

  private async handle(connection: Deno.Conn): Promise<void> {
    try {
      const request = await readRequest(connection);
      if (request === undefined) return;
      this.requests.push(request);
      const answer = await this.answer(request);
      const bytes = typeof answer === "string" ? new TextEncoder().encode(answer) : answer;
      for (let written = 0; written < bytes.length;) {
        written += await connection.write(bytes.subarray(written));
      }
      await connection.closeWrite();
      // Closing with unread bytes would reset the connection and take the answer with it.
      await readRequest(connection);
    } catch {
      // The other side has gone, or the server is being closed: nobody is left to answer.
    }
  }
}

/** A complete HTTP reply. */
export function respond(
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = { "content-type": "application/json" },
): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const length = new TextEncoder().encode(body).length;
  return `HTTP/1.1 ${status} Whatever\r\n${lines}content-length: ${length}\r\nconnection: ` +
    `close\r\n\r\n${body}`;
}

/** A complete HTTP reply of JSON, whose characters are one byte each: for bytes that are no text. */
export function respondInLatin1(status: number, body: string): Uint8Array {
  const head =
    `HTTP/1.1 ${status} Whatever\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n`;
  return Buffer.from(`${head}connection: close\r\n\r\n${body}`, "latin1");
}

/** A VaBus with a fixed list of events that follows the protocol. */
export function respondAsBus(request: FaultyRequest, events: readonly string[], log = "faulty"): string {
  if (request.path === "/healthz") {
    return respond(200, JSON.stringify({ status: "ok", log, first: 0, next: events.length }));
  }
  if (request.path === "/metrics") return respond(204, "");
  if (request.path !== "/events") return respond(404, "{}");
  const offset = Number(request.query.get("offset") ?? 0);
  const limit = Number(request.query.get("limit") ?? 1000);
  const slice = events.slice(offset, offset + limit);
  return respond(
    200,
    `{"log":"${log}","offset":${offset},"next":${offset + slice.length},"events":[${slice.join(",")}]}`,
  );
}

async function readRequest(connection: Deno.Conn): Promise<FaultyRequest | undefined> {
  const decoder = new TextDecoder();
  const chunk = new Uint8Array(65_536);
  let text = "";
  for (;;) {
    const headEnd = text.indexOf("\r\n\r\n");
    if (headEnd >= 0) {
      const head = text.slice(0, headEnd);
      const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
      const body = text.slice(headEnd + 4);
      if (new TextEncoder().encode(body).length >= length) {
        const [method = "", target = "/"] = head.split(" ", 2);
        const url = new URL(target, "http://faulty");
        const headers = new Headers(
          head.split("\r\n").slice(1).map((line) => [line.split(":")[0]!, line.slice(line.indexOf(":") + 1)]),
        );
        return {
          method,
          path: url.pathname,
          query: url.searchParams,
          headers,
          body,
          atMs: performance.now(),
        };
      }
    }
    const read = await connection.read(chunk);
    if (read === null) return undefined;
    text += decoder.decode(chunk.subarray(0, read), { stream: true });
  }
}

function closeQuietly(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // Closed already.
  }
}
