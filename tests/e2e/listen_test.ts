/** Events that are pushed to the built program. */
import assert from "node:assert/strict";
import { PATIENCE_MS, Program, runToEnd, temporaryDirectory, until } from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { handlerEnvironment, sqlitePath, sqliteSink } from "./plant.ts";

const JSON_TYPE = { "content-type": "application/json" };

/** A handler that listens, and its address. */
class Listener implements AsyncDisposable {
  readonly url: string;
  readonly environment: Readonly<Record<string, string>>;
  program: Program;

  private constructor(directory: string, port: number, extra: Readonly<Record<string, string>>) {
    this.url = `http://127.0.0.1:${port}`;
    const address = `listen://127.0.0.1:${port}`;
    this.environment = handlerEnvironment(address, directory, { STORAGE_TYPE: "sqlite", ...extra });
    this.program = Program.start(["run"], this.environment);
  }

  static async start(directory: string, extra: Readonly<Record<string, string>> = {}): Promise<Listener> {
    const listener = new Listener(directory, freePort(), extra);
    await listener.listens();
    return listener;
  }

  async restart(): Promise<void> {
    this.program = Program.start(["run"], this.environment);
    await this.listens();
  }

  async listens(): Promise<void> {
    const answers = async () => {
      try {
        const reply = await fetch(`${this.url}/ping`);
        await reply.body?.cancel();
        return reply.status === 204;
      } catch {
        return false;
      }
    };
    await until(answers, "the listener", PATIENCE_MS, [this.program]);
  }

  async post(path: string, body: BodyInit, headers: HeadersInit = JSON_TYPE) {
    const reply = await fetch(this.url + path, { method: "POST", body, headers });
    return { status: reply.status, headers: reply.headers, text: await reply.text() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]();
  }
}

Deno.test("what was answered with 2xx is counted once, whatever happens after the answer", async () => {
  await using directory = await temporaryDirectory();
  await using listener = await Listener.start(directory.path);
  const now = Math.floor(Date.now() / 1000) - 3600;
  const event = (value: number) => ({ name: "a", value, timestamp: now });
  assert.equal((await listener.post("/events", JSON.stringify([event(1), event(2)]))).status, 202);
  await listener.program.kill9();
  await listener.restart();
  const lines = [event(3), event(4)].map((one) => JSON.stringify(one)).join("\n");
  assert.equal(
    (await listener.post("/events", lines, { "content-type": "application/x-ndjson" })).status,
    202,
  );
  await listener.program.kill9();
  const { code, stderr } = await runToEnd(["once", "--flush"], listener.environment);
  assert.equal(code, 0, stderr);
  const proof = await runToEnd(["verify"], listener.environment);
  assert.equal(proof.code, 0, proof.stdout);
  assert.match(proof.stdout, /PROVEN/);
  assert.equal(await sqliteSink(sqlitePath(directory.path)).sumOfCounts(), 4);
});
