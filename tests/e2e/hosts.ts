/** Hosts with an instance each, as whoever types the commands of docs/operations.md has them. */
import assert from "node:assert/strict";
import { type Environment, PATIENCE_MS, Program, until } from "../support/executable.ts";
import { runShell } from "./shell.ts";

/** The service of a host is a process of the test, which gets the order. */
const STAND_INS = `
systemctl() {
  test "$2" = vabus-data-handler
  curl --silent --show-error --fail-with-body --data "$1" "$SERVICE_MANAGER"
}
chown() { :; }
set -eu
`;

/** What the commands say, and what is run in its place. */
export type Replacement = readonly [said: string, run: string];

/** A host: its settings, its state and its service. */
export class Host implements AsyncDisposable {
  private service: Program | undefined;
  private readonly serviceManager = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      try {
        await this.obey(await request.text());
        return new Response();
      } catch (error) {
        return new Response(`${error}\n`, { status: 500 });
      }
    },
  );
  private readonly replacements: readonly Replacement[];

  /** @param directory Of its files; removed by the caller. */
  private constructor(
    private readonly directory: string,
    private readonly settings: Environment,
    replacements: readonly Replacement[],
  ) {
    this.replacements = [
      ["/etc/vabus-data-handler", `'${directory}/etc'`],
      ["/var/lib/vabus-data-handler", `'${settings.STATE_DIR}'`],
      ...replacements,
    ];
  }

  static async make(
    directory: string,
    settings: Environment,
    replacements: readonly Replacement[],
  ): Promise<Host> {
    const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
    await Deno.mkdir(`${directory}/etc`, { recursive: true });
    await Deno.writeTextFile(`${directory}/etc/env`, lines.join(""));
    return new Host(directory, settings, replacements);
  }

  /** Runs commands of a document. @returns what they print. @throws where they fail. */
  async run(commands: string): Promise<string> {
    const text = this.replacements.reduce((all, [said, run]) => all.replaceAll(said, run), commands);
    const { port } = this.serviceManager.addr;
    const { code, stdout, stderr } = await runShell(STAND_INS + text, this.directory, {
      SERVICE_MANAGER: `http://127.0.0.1:${port}`,
    });
    assert.equal(code, 0, [text, stdout, stderr, ...this.programs.map((one) => one.tail())].join("\n"));
    return stdout;
  }

  /** The process of its service, if there is one. */
  get programs(): Program[] {
    return this.service === undefined ? [] : [this.service];
  }

  /** Kills the service, and starts it again, as a service manager does. */
  async crash(): Promise<void> {
    await this.service!.kill9();
    await this.start();
  }

  /** The host is gone, with its state. */
  async lose(): Promise<void> {
    await this.service!.kill9();
    await Deno.remove(this.settings.STATE_DIR!, { recursive: true });
  }

  async start(): Promise<void> {
    const service = Program.start(["run", "--env-file", `${this.directory}/etc/env`]);
    this.service = service;
    const isUp = async () => {
      assert.equal(service.exitCode, undefined, service.tail());
      const { body, ok } = await fetch(`http://${this.settings.HTTP_LISTEN}/healthz`);
      await body?.cancel();
      return ok;
    };
    await until(isUp, "the service to be up", PATIENCE_MS, [service]);
  }

  private async stop(): Promise<void> {
    assert.equal(await this.service!.stop(), 0, this.service!.tail());
  }

  private async obey(order: string): Promise<void> {
    assert.match(order, /^(?:start|stop|restart)$/);
    if (order !== "start") await this.stop();
    if (order !== "stop") await this.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.service?.kill9();
    await this.serviceManager.shutdown();
  }
}
