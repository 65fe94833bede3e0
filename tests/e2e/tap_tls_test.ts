/** `tap` and `status --watch` at a listener with TLS: whom they believe, and when the token is sent. */
import assert from "node:assert/strict";
import { createServer } from "node:tls";
import { Authority } from "../support/certificates.ts";
import { Program, runToEnd, temporaryDirectory, until } from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { Bus, handlerEnvironment } from "./plant.ts";

const HOST = "127.0.0.1";
const TOKEN = "viewer-of-the-tests";

interface KeyPair {
  readonly certFile: string;
  readonly keyFile: string;
}

/** A plant's authority, with a certificate for another name than this host's, and one that signs itself. */
async function certificates(directory: string) {
  const authority = await Authority.create(directory, "plant");
  const signed = await authority.sign("server", ["DNS:edge.plant.example"]);
  // As servers have it: the certificate first, then that of its authority.
  await Deno.writeTextFile(signed.certFile, await Deno.readTextFile(authority.caFile), { append: true });
  const { caFile } = await Authority.create(directory, "own");
  return { authority, signed, own: { certFile: caFile, keyFile: caFile.replace(/pem$/, "key") } };
}

async function settings(bus: Bus, directory: string, { certFile, keyFile }: KeyPair) {
  const state = await Deno.makeTempDir({ dir: directory });
  return handlerEnvironment(bus.url, state, {
    STORAGE_TYPE: "sqlite",
    HTTP_LISTEN: `${HOST}:${freePort()}`,
    HTTP_CERT_FILE: certFile,
    HTTP_KEY_FILE: keyFile,
    VIEWER_TOKEN: TOKEN,
  });
}

Deno.test("the listener on this host is known by the certificate of the settings, whoever signed it", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const { signed, own } = await certificates(directory.path);
  for (const pair of [signed, own]) {
    const environment = await settings(bus, directory.path, pair);
    await using handler = Program.start(["run"], environment);
    await handler.says(/"started"/);
    await using tap = Program.start(["tap", "--limit", "2"], environment);
    await until(
      async () => {
        const timestamp = Math.floor(Date.now() / 1000);
        if (tap.exitCode === undefined) {
          await bus.publish([JSON.stringify({ name: "oven", value: 1, timestamp })]);
        }
        return tap.exitCode !== undefined;
      },
      "the end of tap",
      undefined,
      [tap],
    );
    assert.deepEqual([tap.exitCode, tap.stdout.match(/"name":"oven"/g)?.length], [0, 2], tap.stderr);
    await using watch = Program.start(["status", "--watch"], environment);
    await until(() => watch.stdout.includes("\n"), "a line of status --watch", undefined, [watch]);
    assert.doesNotMatch(watch.stdout + watch.stderr, /does not answer|refuses|certificate/);

    const named = await runToEnd(
      ["tap", "--url", environment.HTTP_LISTEN!.replace(/^/, "https://")],
      environment,
    );
    assert.notEqual(named.code, 0, "an address that was typed is checked by the normal rules");
    assert.match(named.stderr, /does not answer/);
    assert.equal(await handler.stop(), 0);
  }
});

Deno.test("a listener with another certificate gets no token, and nothing else", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const { signed, own } = await certificates(directory.path);
  const environment = await settings(bus, directory.path, signed);
  let [connections, heard] = [0, ""];
  const stranger = createServer(
    { cert: await Deno.readTextFile(own.certFile), key: await Deno.readTextFile(own.keyFile) },
    (socket) => {
      connections++;
      socket.on("data", (bytes) => heard += bytes);
      socket.on("error", () => {});
    },
  );
  await new Promise<void>((done) =>
    stranger.listen(Number(environment.HTTP_LISTEN!.split(":")[1]), HOST, done)
  );
  try {
    const tap = await runToEnd(["tap"], environment);
    assert.notEqual(tap.code, 0);
    assert.match(tap.stderr, /has another certificate than HTTP_CERT_FILE/);
    assert.deepEqual([connections > 0, heard], [true, ""]);
  } finally {
    await new Promise((done) => stranger.close(done));
  }
});

Deno.test("a listener that asks for a client's certificate is told as such", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const { authority, signed } = await certificates(directory.path);
  const environment: Record<string, string> = {
    ...await settings(bus, directory.path, signed),
    HTTP_CLIENT_CA_FILE: authority.caFile,
  };
  await using handler = Program.start(["run"], environment);
  await handler.says(/"started"/);
  const tap = await runToEnd(["tap"], environment);
  assert.notEqual(tap.code, 0);
  assert.match(tap.stderr, /asks for certificates of clients \(HTTP_CLIENT_CA_FILE\)/);
  assert.doesNotMatch(tap.stderr, /VIEWER_TOKEN/, "a token is no remedy");
  assert.equal(await handler.stop(), 0);
});
