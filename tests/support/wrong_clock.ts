/** Processes with a wrong wall clock, by libfaketime (Debian: `faketime`), which a file controls. */
import type { Environment } from "./executable.ts";

/** Why the clock cannot be faked on this machine; undefined: it can. */
export function clocksAreRight(): string | undefined {
  return libraryPath() === undefined
    ? "there is no libfaketime (Debian: apt-get install faketime)"
    : undefined;
}

/** Seconds by which the tests' own clock is ahead of the machine's: scripts/month_end.sh. */
const OWN_AHEAD = Number(/^\+(\d+)s$/.exec(Deno.env.get("FAKETIME") ?? "")?.[1] ?? 0);

/**
 * Whether the tests' own clock is wrong. Programs that Go has built ask the kernel for the time, and have the
 * machine's.
 */
export const isOwnClockWrong = OWN_AHEAD !== 0;

/** The variables of a process that has the machine's clock, whatever the tests' own. */
export const MACHINE_CLOCK: Environment = { LD_PRELOAD: "" };

/** The wall clock of the processes that are started with its environment. */
export class WrongClock {
  readonly environment: Environment;

  /** @param directory The directory of the file that says how wrong the clock is. */
  constructor(private readonly directory: string) {
    this.setAhead(0);
    this.environment = {
      LD_PRELOAD: libraryPath()!,
      FAKETIME_TIMESTAMP_FILE: this.file,
      FAKETIME_NO_CACHE: "1",
      // Waits last as long as without libfaketime.
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      DONT_FAKE_MONOTONIC: "1",
    };
  }

  /** Sets how much it is ahead of the tests' clock from now on; negative: behind. */
  setAhead(seconds: number): void {
    const offset = OWN_AHEAD + seconds;
    // The file is replaced by a rename, so that nobody reads half of it.
    Deno.writeTextFileSync(`${this.file}.new`, `${offset < 0 ? "" : "+"}${offset}\n`);
    Deno.renameSync(`${this.file}.new`, this.file);
  }

  private get file(): string {
    return `${this.directory}/clock`;
  }
}

function libraryPath(): string | undefined {
  const paths = ["x86_64-linux-gnu", "aarch64-linux-gnu", "arm-linux-gnueabihf"].map((triple) =>
    `/usr/lib/${triple}/faketime/libfaketime.so.1`
  );
  return paths.find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}
