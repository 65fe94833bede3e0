/** Where something else than the bus of the URL answers, it is told what that is, and what to change. */
import assert from "node:assert/strict";
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { check } from "../../src/control/check.ts";
import { misfitOf } from "../../src/control/misfit.ts";
import { REGISTRY } from "../../src/runtime/registry.ts";
import { QUIET } from "../contract/sink_samples.ts";
import { sourcesOf } from "../settings/sources.ts";
import { Authority } from "../support/certificates.ts";
import { temporaryDirectory } from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";

const NEVER = new AbortController().signal;

/** What each kind of server answers to the first bytes that it does not understand; `INFO` comes unasked. */
const ANSWERS: Record<string, (socket: Socket) => void> = {
  Redis: (socket) => socket.once("data", () => socket.end("-NOAUTH Authentication required.\r\n")),
  NATS: (socket) => socket.end('INFO {"server_id":"N"}\r\n'),
  MQTT: (socket) =>
    socket.once(
      "data",
      (bytes) => bytes[0] === 0x10 ? socket.end(Uint8Array.of(0x20, 2, 0, 5)) : socket.destroy(),
    ),
  HTTP: (socket) => socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")),
  unknown: (socket) => socket.destroy(),
};

async function listening(server: Server): Promise<Disposable & { readonly port: number }> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const sockets: Socket[] = [];
  server.on("connection", (socket) => sockets.push(socket.on("error", () => {})));
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  const { port } = server.address() as { readonly port: number };
  return {
    port,
    [Symbol.dispose]: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function started(kind: string) {
  return listening(createServer(ANSWERS[kind]!));
}

function misfit(url: string): Promise<string | undefined> {
  const { sources } = REGISTRY.configure(sourcesOf({ environment: { VABUS_URL: url } }));
  return misfitOf(sources[0]!, REGISTRY, NEVER);
}

const URLS: readonly (readonly [url: (port: number) => string, dialect: string])[] = [
  [(port) => `redis://127.0.0.1:${port}/k`, "Redis"],
  [(port) => `nats://127.0.0.1:${port}/S`, "NATS"],
  [(port) => `mqtt://127.0.0.1:${port}/a`, "MQTT"],
];

Deno.test("another protocol than that of the URL is named", async () => {
  for (const [url, dialect] of URLS) {
    for (const answering of Object.keys(ANSWERS)) {
      using server = await started(answering);
      const said = await misfit(url(server.port));
      const isTold = answering !== dialect && answering !== "unknown";
      const told =
        `what answers at 127.0.0.1:${server.port} speaks ${answering}, not ${dialect}: check host and ` +
        "port in VABUS_URL";
      assert.equal(said, isTold ? told : undefined, `${dialect} of ${answering}`);
    }
  }
  assert.equal(await misfit(`redis://127.0.0.1:${freePort()}/k`), undefined, "nobody listens");
});

Deno.test("a port without TLS is told where the URL has it", async () => {
  for (const [url, dialect] of URLS) {
    using server = await started(dialect);
    const [scheme, rest] = url(server.port).split("://");
    const said = await misfit(`${scheme}s://${rest}`);
    const told =
      `127.0.0.1:${server.port} speaks no TLS: write ${scheme}:// in VABUS_URL, or name the port with TLS`;
    // NATS begins TLS behind its first line, so the source itself sees that there is none.
    assert.equal(said, scheme === "nats" ? undefined : told);
  }
});

Deno.test("check tells it in the place of what the source has made of it", async () => {
  await using directory = await temporaryDirectory();
  using server = await started("MQTT");
  const environment = {
    STATE_DIR: directory.path,
    VABUS_URL: `redis://127.0.0.1:${server.port}/k`,
    STORAGE_TYPE: "stdout",
    METRICS_INTERVAL: "0",
  };
  const config = REGISTRY.configure(sourcesOf({ environment }));
  const { findings } = await check({ config, registry: REGISTRY, logger: QUIET }, [], NEVER);
  assert.match(
    findings.map(({ detail }) => detail).join(),
    /speaks MQTT, not Redis: check host and port in VABUS_URL/,
  );
});

Deno.test("a port that wants TLS is told, with the scheme to write where there is one for it", async () => {
  await using directory = await temporaryDirectory();
  const authority = await Authority.create(directory.path, "a");
  const { certFile, keyFile } = await authority.sign("localhost", ["DNS:localhost"]);
  const options = { cert: Deno.readTextFileSync(certFile), key: Deno.readTextFileSync(keyFile) };
  using server = await listening(createTlsServer(options).on("tlsClientError", () => {}));
  const address = `127.0.0.1:${server.port}`;
  for (const scheme of ["redis", "mqtt"]) {
    assert.equal(
      await misfit(`${scheme}://${address}/a`),
      `${address} wants TLS: write ${scheme}s:// in VABUS_URL, or name the port without TLS`,
    );
  }
  // NATS is read only where TLS begins behind its first line.
  for (const scheme of ["nats", "natss"]) {
    assert.equal(
      await misfit(`${scheme}://${address}/S`),
      `what answers at ${address} speaks TLS, not NATS: check host and port in VABUS_URL`,
    );
  }
  assert.equal(await misfit(`rediss://127.0.0.1:${server.port}/k`), undefined);
});
