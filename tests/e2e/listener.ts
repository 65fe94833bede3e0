import { type Environment, PATIENCE_MS, Program, until } from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { handlerEnvironment } from "./plant.ts";

export const JSON_TYPE = { "content-type": "application/json" };

/** A handler that listens, as a process of the executable, with an SQLite sink. */
export class Listener implements AsyncDisposable {
  readonly url: string;

  private constructor(readonly port: number, readonly environment: Environment, public program: Program) {
    this.url = `http://127.0.0.1:${port}`;
  }

  /** @param more Further variables. */
  static async start(directory: string, more: Environment = {}): Promise<Listener> {
    const port = freePort();
    const environment = handlerEnvironment(`listen://127.0.0.1:${port}`, directory, {
      STORAGE_TYPE: "sqlite",
      ...more,
    });
    const listener = new Listener(port, environment, Program.start(["run"], environment));
    await listener.answers();
    return listener;
  }

  /** Starts it again, on the same state and address. */
  async restart(): Promise<void> {
    this.program = Program.start(["run"], this.environment);
    await this.answers();
  }

  async post(path: string, body: BodyInit, headers: Readonly<Record<string, string>> = {}) {
    const reply = await fetch(this.url + path, { method: "POST", body, headers });
    return { status: reply.status, text: await reply.text() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]();
  }

  private async answers(): Promise<void> {
    const ping = async () => {
      try {
        const reply = await fetch(`${this.url}/ping`);
        await reply.body?.cancel();
        return reply.status === 204;
      } catch {
        return false;
      }
    };
    await until(ping, "the listener", PATIENCE_MS, [this.program]);
  }
}
