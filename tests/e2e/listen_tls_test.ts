/** TLS to the built program, by certificates of an authority of the test. */
import assert from "node:assert/strict";
import { Authority } from "../support/certificates.ts";
import { PATIENCE_MS, Program, runCheck, temporaryDirectory, until } from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { handlerEnvironment } from "./plant.ts";

const HOST = "127.0.0.1";

/** The status of a request that trusts one authority only; undefined: there is none, or no connection. */
async function pushed(url: string, caFile: string): Promise<number | undefined> {
  using client = Deno.createHttpClient({ caCerts: [await Deno.readTextFile(caFile)] });
  try {
    const headers = { authorization: "Token secret" };
    const reply = await fetch(`${url}/write`, { method: "POST", body: "m f=1", headers, client });
    await reply.body?.cancel();
    return reply.status;
  } catch {
    return undefined;
  }
}

Deno.test("a listener with TLS: its certificate is checked at start, changed by SIGHUP, and kept where the new one is unfit", async () => {
  await using directory = await temporaryDirectory();
  const path = (name: string) => `${directory.path}/${name}`;
  const authority = await Authority.create(directory.path, "first");
  const other = await Authority.create(directory.path, "second");
  const first = await authority.sign("one", [`IP:${HOST}`]);
  const second = await other.sign("two", [`IP:${HOST}`]);
  const use = async ({ certFile, keyFile }: { certFile: string; keyFile: string }) => {
    await Deno.copyFile(certFile, path("cert.pem"));
    await Deno.copyFile(keyFile, path("key.pem"));
  };
  const port = freePort();
  const environment = handlerEnvironment(`listens://${HOST}:${port}`, directory.path, {
    STORAGE_TYPE: "sqlite",
    VABUS_TOKEN: "secret",
    VABUS_CERT_FILE: path("cert.pem"),
    VABUS_KEY_FILE: path("key.pem"),
  });
  const url = `https://${HOST}:${port}`;
  await use({ ...first, keyFile: second.keyFile });
  const unfit = await runCheck(environment);
  assert.match(unfit.stdout + unfit.stderr, /the certificate and its key cannot be used: .*VABUS_CERT_FILE/);
  assert.notEqual(unfit.code, 0);
  await use(first);
  await using program = Program.start(["run"], environment);
  const answers = (caFile: string) => async () => await pushed(url, caFile) === 204;
  await until(answers(authority.caFile), "the listener", PATIENCE_MS, [program]);
  assert.equal(await pushed(url, other.caFile), undefined);
  const checked = await runCheck(environment);
  assert.match(checked.stdout, /in use, as it should be: the handler runs, process \d+; with TLS/);
  await use(second);
  program.signal("SIGHUP");
  await until(answers(other.caFile), "the other certificate", PATIENCE_MS, [program]);
  await use({ ...first, keyFile: second.keyFile });
  program.signal("SIGHUP");
  const isKept = () => Promise.resolve(/keeps the certificate that it has/.test(program.stderr));
  await until(isKept, "a line of the log", PATIENCE_MS, [program]);
  assert.equal(await pushed(url, other.caFile), 204);
});
