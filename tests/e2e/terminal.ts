/** A shell on a pseudo-terminal, for a test that pastes commands and presses Ctrl-C. */
import { stripVTControlCharacters } from "node:util";
import { type Environment, PATIENCE_MS, until } from "../support/executable.ts";

const CTRL_C = "\x03";

/** True when there is the `script` of util-linux, which makes the pseudo-terminal. */
export async function hasTerminals(): Promise<boolean> {
  try {
    const { success, stdout } = await new Deno.Command("script", { args: ["--version"] }).output();
    return success && new TextDecoder().decode(stdout).includes("util-linux");
  } catch {
    return false;
  }
}

/** Leaving its scope (`await using`) presses Ctrl-C and ends the shell. */
export class Terminal implements AsyncDisposable {
  /** The output so far, without the typed text. */
  screen = "";
  private typed = 0;
  private readonly keyboard: WritableStreamDefaultWriter<Uint8Array>;
  private readonly closed: Promise<unknown>;

  private constructor(private readonly child: Deno.ChildProcess, private readonly isAsSeen: boolean) {
    this.keyboard = child.stdin.getWriter();
    this.closed = Promise.all([child.status, this.watch()]);
  }

  /**
   * @param environment All that the shell gets.
   * @param options `asSeen`: {@link screen} keeps colours and movements of the cursor.
   */
  static async open(directory: string, environment: Environment, { asSeen = false } = {}): Promise<Terminal> {
    const terminal = new Terminal(
      new Deno.Command("script", {
        args: ["--quiet", "--flush", "--command", "bash --norc --noprofile --noediting", "/dev/null"],
        cwd: directory,
        clearEnv: true,
        env: { TERM: "xterm", ...environment, SHELL: "/bin/sh" },
        stdin: "piped",
        stdout: "piped",
        stderr: "inherit",
      }).spawn(),
      asSeen,
    );
    await terminal.run("PS1= PS2=; stty -echo; stty rows 50 columns 200");
    return terminal;
  }

  /** Pastes lines. */
  async type(lines: string): Promise<void> {
    await this.keyboard.write(new TextEncoder().encode(`${lines}\n`));
  }

  /** Pastes lines, waits for their end, and gives what they have said. @throws when the last one fails. */
  async run(lines: string): Promise<string> {
    const from = this.screen.length;
    const mark = `end-${++this.typed}`;
    await this.type(`${lines}\nprintf '%s=%s\\n' 'end'-${this.typed} "$?"`);
    const seen = () => this.screen.slice(from);
    const end = await until(
      () => new RegExp(`${mark}=(\\d+)`).exec(seen()) ?? undefined,
      () => `the end of\n${lines}\nwhich has said\n${seen()}`,
    );
    const said = seen().slice(0, end.index);
    if (end[1] !== "0") throw new Error(`exit code ${end[1]} of\n${lines}\nwhich has said\n${said}`);
    return said;
  }

  /** Pastes lines whose last command keeps running, and waits for the output that shows that it is ready. */
  async start(lines: string, isUp: RegExp): Promise<string> {
    const from = this.screen.length;
    await this.type(lines);
    const seen = () => this.screen.slice(from);
    await until(() => isUp.test(seen()), () => `${isUp} from\n${lines}\nwhich has said\n${seen()}`);
    return seen();
  }

  /** Ends the foreground command and waits for the prompt of the shell. */
  async interrupt(): Promise<void> {
    await this.keyboard.write(new TextEncoder().encode(CTRL_C));
    const mark = `end-${++this.typed}=`;
    // The terminal drops text that is typed during a Ctrl-C.
    await until(async () => {
      await this.type(`printf '%s=\\n' 'end'-${this.typed}`);
      return this.screen.includes(mark);
    }, "the shell after Ctrl-C");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const timer = setTimeout(() => this.child.kill("SIGKILL"), PATIENCE_MS);
    await this.interrupt().then(() => this.type("exit")).catch(() => {});
    await this.closed;
    clearTimeout(timer);
    await this.keyboard.close().catch(() => {});
  }

  private async watch(): Promise<void> {
    for await (const text of this.child.stdout.pipeThrough(new TextDecoderStream())) {
      this.screen += (this.isAsSeen ? text : stripVTControlCharacters(text)).replaceAll("\r\n", "\n");
    }
  }
}
