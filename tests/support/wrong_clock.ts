/** Processes with a wrong wall clock, by a library of our own that is loaded before theirs: wrong_clock.c. */
import { fileURLToPath } from "node:url";
import type { Environment } from "./executable.ts";

const SOURCE = fileURLToPath(new URL("wrong_clock.c", import.meta.url));

/** Why the clock cannot be faked on this machine; undefined: it can. */
export function clocksAreRight(): string | undefined {
  if (Deno.build.os !== "linux") return "the clock of a process can be faked on Linux only";
  try {
    const { success } = new Deno.Command("cc", { args: ["--version"], stdout: "null", stderr: "null" })
      .outputSync();
    if (success) return undefined;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return "there is no compiler of C (Debian: apt-get install gcc libc6-dev)";
}

/** By how much the tests' own clock is ahead of the machine's, seconds: scripts/month_end.sh. */
const OWN_AHEAD = Deno.env.get("CLOCK_AHEAD_SECONDS");

/**
 * Whether the tests' own clock is wrong. Programs that Go has built ask the kernel for the time, and have the
 * machine's.
 */
export const isOwnClockWrong = OWN_AHEAD !== undefined;

/** The variables of a process that has the machine's clock, whatever the tests' own. */
export const MACHINE_CLOCK: Environment = { LD_PRELOAD: "" };

/** The wall clock of the processes that are started with its environment. */
export class WrongClock {
  private constructor(private readonly file: string, readonly environment: Environment) {
    this.setAhead(0);
  }

  /** @param directory Where the library is, and the file that says how wrong the clock is. */
  static async open(directory: string): Promise<WrongClock> {
    const library = `${directory}/wrong_clock.so`;
    const args = ["-shared", "-fPIC", "-O2", "-o", library, SOURCE];
    const { success, stderr } = await new Deno.Command("cc", { args }).output();
    if (!success) throw new Error(`wrong_clock.c: ${new TextDecoder().decode(stderr)}`);
    const file = `${directory}/clock`;
    return new WrongClock(file, {
      LD_PRELOAD: library,
      CLOCK_AHEAD_FILE: file,
      ...(OWN_AHEAD !== undefined && { CLOCK_AHEAD_SECONDS: OWN_AHEAD }),
    });
  }

  /** Sets how much it is ahead of the tests' clock from now on; negative: behind. */
  setAhead(seconds: number): void {
    // The file is not cut before it is written: its readers have it mapped into their memory.
    using file = Deno.openSync(this.file, { write: true, create: true });
    file.writeSync(new Uint8Array(BigInt64Array.of(BigInt(seconds)).buffer));
  }
}
