import { pause } from "../tests/support/executable.ts";
import { cpuSeconds, peakResidentBytes } from "./process_usage.ts";

const LOOK_MS = 20;
/** How long a process must use no more than so much time of a processor to be at rest. */
const [REST_MS, REST_MAX_CPU_S] = [3000, 0.05];

export interface Usage {
  /** User and system time of the process from its start to its end. */
  readonly cpuSeconds: number;
  readonly peakBytes: number;
}

/** A process whose resources are looked at until it ends. Leaving its scope (`await using`) kills it. */
export class MeasuredProcess implements AsyncDisposable {
  private usage: Usage = { cpuSeconds: 0, peakBytes: 0 };
  private isOver = false;
  private readonly output: Promise<Deno.CommandOutput>;
  private readonly looks: Promise<void>;

  private constructor(private readonly command: string, private readonly child: Deno.ChildProcess) {
    this.output = child.output().finally(() => this.isOver = true);
    this.looks = this.look();
  }

  static start(
    command: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): MeasuredProcess {
    const child = new Deno.Command(command, {
      args: [...args],
      env,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    return new MeasuredProcess(command, child);
  }

  /** Waits until it has next to nothing to do for a while. */
  async rests(): Promise<void> {
    for (let before = -Infinity; this.usage.cpuSeconds - before > REST_MAX_CPU_S;) {
      before = this.usage.cpuSeconds;
      await Promise.race([pause(REST_MS), this.output]);
    }
  }

  /** Asks it to end. */
  stop(): void {
    this.child.kill("SIGTERM");
  }

  /** Waits for its end. @throws where it fails. */
  async ended(): Promise<Usage> {
    const { success, stderr } = await this.output;
    await this.looks;
    if (!success) throw new Error(`${this.command} failed: ${new TextDecoder().decode(stderr)}`);
    return this.usage;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.isOver) this.child.kill("SIGKILL");
    await this.output;
    await this.looks;
  }

  private async look(): Promise<void> {
    while (!this.isOver) {
      await Promise.race([pause(LOOK_MS), this.output]);
      try {
        this.usage = { cpuSeconds: cpuSeconds(this.child.pid), peakBytes: peakResidentBytes(this.child.pid) };
      } catch {
        // It has ended meanwhile.
      }
    }
  }
}
