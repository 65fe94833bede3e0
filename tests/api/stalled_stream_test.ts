/** A client of the stream of events that takes nothing, over a real connection of each kind of listener. */
import assert from "node:assert/strict";
import { EventStream } from "../../src/api/event_stream.ts";
import type { Changes } from "../../src/control/inquiries.ts";
import { CertifiedListener } from "../../src/platform/http/certified_listener.ts";
import { HttpListener } from "../../src/platform/http/http_listener.ts";
import { Authority } from "../support/certificates.ts";
import { temporaryDirectory, until } from "../support/executable.ts";
import { overviewWith } from "../support/overview.ts";

/** What changes with each look. */
const STATUS_BYTES = 512 * 1024;
/** Buffers of the operating system, on both sides of a connection, and what may wait in the handler. */
const TAKEN_MAX_BYTES = 32 * 1024 * 1024;

/** A handler whose status is new and large at each look; it is looked at as often as the test says. */
class Stage {
  looks = 0;
  readonly closing = new AbortController();
  readonly events = new EventStream({
    inquiries: {
      changes: () =>
        Promise.resolve({
          commits: ++this.looks,
          status: { look: this.looks, text: "x".repeat(STATUS_BYTES) } as unknown as Changes["status"],
          closed: [],
          outboxEndId: 0,
        }),
    },
    look: () => overviewWith(),
    closing: this.closing.signal,
    pause: () => new Promise((resolve) => this.proceed = resolve),
  });
  private proceed: () => void = () => {};

  look(): void {
    this.proceed();
  }

  /** @param path `/api/stream`, or any other for a short answer. */
  answer(path: string): Response {
    return path === "/api/stream" ? new Response(this.events.open(undefined)) : new Response("healthy");
  }
}

interface Served {
  readonly url: string;
  readonly port: number;
  readonly ca?: string;
  close(): Promise<void>;
}

type Serve = (stage: Stage) => Promise<Served>;

const plain: Serve = (stage) =>
  Promise.resolve(
    new HttpListener({
      hostname: "127.0.0.1",
      port: 0,
      closingGraceMs: 0,
      answer: ({ url }) => stage.answer(new URL(url).pathname),
      onError: () => new Response(null, { status: 500 }),
      onInterruption: () => {},
    }),
  );

const certified: Serve = async (stage) => {
  await using directory = await temporaryDirectory();
  const authority = await Authority.create(directory.path, "authority");
  const { certFile, keyFile } = await authority.sign("server", ["IP:127.0.0.1"]);
  const ca = await Deno.readTextFile(authority.caFile);
  const listener = await CertifiedListener.open({
    hostname: "127.0.0.1",
    port: 0,
    tls: { cert: await Deno.readTextFile(certFile), key: await Deno.readTextFile(keyFile), clientCa: ca },
    closingGraceMs: 0,
    answer: ({ url }) => Promise.resolve(stage.answer(new URL(url).pathname)),
    onError: () => new Response(null, { status: 500 }),
    onInterruption: () => {},
    onFull: () => {},
  });
  return { url: listener.url, port: listener.port, ca, close: () => listener.close() };
};

function connect({ port, ca }: Served): Promise<Deno.Conn> {
  const address = { hostname: "127.0.0.1", port };
  return ca === undefined ? Deno.connect(address) : Deno.connectTls({ ...address, caCerts: [ca] });
}

/** Reads until the other side has closed or reset the connection. Returns how many bytes there were. */
async function drain(connection: Deno.Conn): Promise<number> {
  const bytes = new Uint8Array(1 << 20);
  let total = 0;
  try {
    for (let count = await connection.read(bytes); count !== null; count = await connection.read(bytes)) {
      total += count;
    }
  } catch {
    // It was reset.
  }
  return total;
}

/** A client that reads what comes, as a page does. */
class Reader {
  private text = "";

  constructor(private readonly body: ReadableStream<Uint8Array>) {
    // It ends when the listener closes.
    this.run().catch(() => {});
  }

  has(look: number): boolean {
    return this.text.includes(`{"look":${look},`);
  }

  private async run(): Promise<void> {
    for await (const piece of this.body.pipeThrough(new TextDecoderStream())) {
      // Enough to find the latest status by its beginning.
      this.text = (this.text + piece).slice(-2 * STATUS_BYTES);
    }
  }
}

for (const [name, serve] of Object.entries({ plain, certified })) {
  Deno.test(`a client that takes nothing is cut off, and the others go on (${name})`, async () => {
    const stage = new Stage();
    const served = await serve(stage);
    using client = Deno.createHttpClient({ ...(served.ca && { caCerts: [served.ca] }) });
    const ask = (path: string) => fetch(served.url + path, { client });
    try {
      using stalled = await connect(served);
      await stalled.write(new TextEncoder().encode("GET /api/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
      await until(() => stage.looks > 0, "the stream of the stalled client");
      const reader = new Reader((await ask("/api/stream")).body!);
      // More than all buffers on the way can hold.
      const enough = stage.looks + 2 * TAKEN_MAX_BYTES / STATUS_BYTES;
      while (stage.looks < enough) {
        const next = stage.looks + 1;
        stage.look();
        await until(() => reader.has(next), `status ${next} at the other client`);
      }
      assert.equal(await (await ask("/healthz")).text(), "healthy");
      const taken = await drain(stalled);
      assert.ok(taken < TAKEN_MAX_BYTES, `${taken} bytes were kept for a client that takes nothing`);
    } finally {
      stage.closing.abort();
      await served.close();
    }
  });
}
