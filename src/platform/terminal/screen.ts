import { drawStdout } from "./streams.ts";

/** Another screen, from which the first one comes back; no cursor; lines that are too long are cut off. */
const ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l";
const LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l";
const USUAL_COLUMNS = 80;
const USUAL_ROWS = 24;

export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

/** The screen that is shown, if any: one at a time. */
let shown: Screen | undefined;

/** Gives the terminal back as it was, wherever the program ends. Does nothing where it is. */
export function restoreTerminal(): void {
  shown?.leave();
}

/** The whole terminal, which a command draws anew again and again. */
export class Screen {
  private hasKeys = false;

  /** @param onKey Called with each key. */
  private constructor(private readonly onKey: (key: string) => void) {}

  /** Whether stdout is a terminal that can be drawn on. */
  static isThere(): boolean {
    const term = Deno.env.get("TERM") ?? "";
    return Deno.stdout.isTerminal() && term !== "" && term !== "dumb";
  }

  /**
   * Takes the terminal over until {@link leave}.
   *
   * @param onKey Called with each key; Ctrl-C stays a signal.
   * @param onChange Called when the size has changed, or the program goes on after Ctrl-Z.
   */
  static enter(onKey: (key: string) => void, onChange: () => void): Screen {
    const screen = new Screen(onKey);
    screen.show();
    globalThis.addEventListener("unload", restoreTerminal);
    if (Deno.build.os !== "windows") {
      Deno.addSignalListener("SIGWINCH", () => shown === screen && onChange());
      Deno.addSignalListener("SIGTSTP", () => {
        screen.leave();
        Deno.kill(Deno.pid, "SIGSTOP");
      });
      Deno.addSignalListener("SIGCONT", () => {
        if (screen.isOver) return;
        screen.show();
        onChange();
      });
    }
    void screen.listen();
    return screen;
  }

  /** Whether it was left for good. */
  private isOver = false;

  get size(): ScreenSize {
    try {
      const { columns, rows } = Deno.consoleSize();
      // A terminal without a size says that it has none.
      return { columns: columns || USUAL_COLUMNS, rows: rows || USUAL_ROWS };
    } catch {
      return { columns: USUAL_COLUMNS, rows: USUAL_ROWS };
    }
  }

  /** Draws lines, which must be printable but for colours, and fit the size. */
  draw(lines: readonly string[]): void {
    if (shown !== this) return;
    // Each line is erased before it is drawn: afterwards the cursor may be on its last character.
    const erased = lines.map((line, i) => `${i === lines.length - 1 ? "\x1b[J" : "\x1b[K"}${line}\x1b[0m`);
    drawStdout(`\x1b[H${erased.join("\r\n")}`);
  }

  /** Gives the terminal back for good. */
  end(): void {
    this.isOver = true;
    this.leave();
  }

  /** Gives the terminal back as it was. */
  leave(): void {
    if (shown !== this) return;
    shown = undefined;
    try {
      if (this.hasKeys) Deno.stdin.setRaw(false);
      drawStdout(LEAVE);
    } catch {
      // The terminal has gone.
    }
  }

  private show(): void {
    shown = this;
    this.hasKeys = Deno.stdin.isTerminal();
    if (this.hasKeys) Deno.stdin.setRaw(true, { cbreak: true });
    drawStdout(ENTER);
  }

  private async listen(): Promise<void> {
    if (!this.hasKeys) return;
    const bytes = new Uint8Array(64);
    try {
      for (;;) {
        const length = await Deno.stdin.read(bytes);
        if (length === null || this.isOver) return;
        for (const key of new TextDecoder().decode(bytes.subarray(0, length))) this.onKey(key);
      }
    } catch {
      // No more keys come; a signal still ends the program.
    }
  }
}
